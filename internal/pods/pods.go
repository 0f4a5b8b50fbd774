// Package pods makes the Pods of a TrainingJob. It is pure: a job and the
// configuration in, objects out.
package pods

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
)

const (
	// user is the user and group of all containers: nobody's, as distroless has it.
	user int64 = 65532
	// defaultGrace is how long a trainer has to write a checkpoint, in seconds.
	defaultGrace int64 = 120
	// prepareGrace is enough for a stage that has nothing to save, in seconds.
	prepareGrace int64 = 5

	workVolume    = "work"
	storageVolume = "storage"
	temporaryPath = "/tmp"
)

// Name is the name of the Pod of the role and number.
func Name(job, role string, number int32) string {
	return fmt.Sprintf("%s-%s-%d", job, role, number)
}

// Make makes the Pod of the role and number for the job. The error is a
// *NotAllowed when the job asks for what the configuration does not allow.
func Make(job *v1alpha1.TrainingJob, role string, number int32, c *config.Config) (*corev1.Pod, error) {
	if err := Check(job, c); err != nil {
		return nil, err
	}
	b := builder{job: job, config: c, storage: c.StorageFor(job.Namespace), role: role, number: number}
	if role == v1alpha1.RoleTrain {
		return b.train()
	}
	return b.prepare()
}

// SetNamespaceUID tells the stages of a Pod the UID of their namespace.
func SetNamespaceUID(pod *corev1.Pod, uid string) {
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			containers[i].Env = append(containers[i].Env, corev1.EnvVar{Name: contract.EnvNamespaceUID, Value: uid})
		}
	}
}

// builder has what both kinds of Pods are made from.
type builder struct {
	job     *v1alpha1.TrainingJob
	config  *config.Config
	storage *config.Storage
	role    string
	number  int32
}

// prepare is the Pod that fetches the files in an init container, and validates
// them in its container.
func (b *builder) prepare() (*corev1.Pod, error) {
	download, err := b.container(contract.StageDownload)
	if err != nil {
		return nil, err
	}
	validate, err := b.container(contract.StageValidate)
	if err != nil {
		return nil, err
	}
	pod := b.pod(b.config.Prepare.PodShape)
	pod.Spec.InitContainers = []corev1.Container{download}
	pod.Spec.Containers = []corev1.Container{validate}
	pod.Spec.TerminationGracePeriodSeconds = ptr.To(prepareGrace)
	return pod, nil
}

// train is the Pod that trains. A finalizer holds it until its result is
// recorded.
func (b *builder) train() (*corev1.Pod, error) {
	train, err := b.container(contract.StageTrain)
	if err != nil {
		return nil, err
	}
	train.Ports = []corev1.ContainerPort{{Name: contract.ProgressPortName, ContainerPort: contract.ProgressPort, Protocol: corev1.ProtocolTCP}}
	pod := b.pod(b.config.Train)
	pod.Finalizers = []string{v1alpha1.ResultFinalizer}
	pod.Spec.Containers = []corev1.Container{train}
	b.queue(pod)
	pod.Spec.TerminationGracePeriodSeconds = ptr.To(defaultGrace)
	digest, err := optionsDigest(b.job)
	if err != nil {
		return nil, err
	}
	pod.Annotations = map[string]string{v1alpha1.AnnotationPodOptions: digest}
	b.applyOptions(pod)
	return pod, nil
}

// queue puts the train Pod into the job's Kueue queue. The gate is set here and not left
// to Kueue's webhook: a Pod that does not count against the limits must not start unless
// Kueue admits it.
func (b *builder) queue(pod *corev1.Pod) {
	queue := b.job.Labels[v1alpha1.KueueQueueLabel]
	if queue == "" || !b.config.Kueue.Enabled {
		return
	}
	pod.Labels[v1alpha1.KueueQueueLabel] = queue
	if priority := b.job.Labels[v1alpha1.KueuePriorityLabel]; priority != "" {
		pod.Labels[v1alpha1.KueuePriorityLabel] = priority
	}
	pod.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: v1alpha1.KueueGate}}
	train := &pod.Spec.Containers[0]
	train.Env = append(train.Env, corev1.EnvVar{Name: contract.EnvQueue, Value: queue})
}

// pod is a restricted Pod without containers.
func (b *builder) pod(shape config.PodShape) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: Name(b.job.Name, b.role, b.number), Namespace: b.job.Namespace,
			Labels: b.labels(),
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(b.job, v1alpha1.GroupVersion.WithKind(v1alpha1.TrainingJobKind)),
			},
		},
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks:           ptr.To(false),
			ServiceAccountName:           b.storage.ServiceAccountName,
			PriorityClassName:            shape.PriorityClassName,
			NodeSelector:                 maps.Clone(shape.NodeSelector),
			Tolerations:                  slices.Clone(shape.Tolerations),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(user), RunAsGroup: ptr.To(user), FSGroup: ptr.To(user),
				// Changing the owner of every file of a large volume at every
				// start takes minutes; the root folder tells whether it is needed.
				FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
				SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Volumes: []corev1.Volume{{Name: workVolume, VolumeSource: corev1.VolumeSource{
				EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(shape.WorkDirSize.DeepCopy())},
			}}},
		},
	}
	for _, name := range b.config.Trainer.ImagePullSecrets {
		pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	if claim := b.storage.PersistentVolumeClaim; claim != "" {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: storageVolume, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim, ReadOnly: false},
		}})
	}
	return pod
}

func (b *builder) labels() map[string]string {
	return merge(map[string]string{
		"app.kubernetes.io/name":       "swath",
		"app.kubernetes.io/component":  b.role,
		"app.kubernetes.io/instance":   b.job.Name,
		"app.kubernetes.io/managed-by": "swath",
	}, ownLabels(b.job, b.role, b.number))
}

// container is the container of a stage.
func (b *builder) container(stage contract.Stage) (corev1.Container, error) {
	args, err := b.args(stage)
	if err != nil {
		return corev1.Container{}, err
	}
	needs := b.resources(stage)
	c := corev1.Container{
		Name: string(stage), Image: b.config.Trainer.Image, ImagePullPolicy: b.config.Trainer.ImagePullPolicy,
		Args: args.Command(), Resources: needs,
		Env:                      b.env(stage, needs.Limits),
		TerminationMessagePath:   contract.TerminationMessagePath,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true), RunAsNonRoot: ptr.To(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		VolumeMounts: []corev1.VolumeMount{
			{Name: workVolume, MountPath: contract.WorkDir},
			{Name: workVolume, MountPath: temporaryPath, SubPath: "tmp"},
		},
	}
	if b.storage.PersistentVolumeClaim != "" {
		// Preparing only reads: a broken file must not be able to harm others.
		readOnly := stage != contract.StageTrain
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: storageVolume, MountPath: contract.StorageDir, ReadOnly: readOnly})
	}
	if name := b.storage.SecretName; name != "" {
		c.EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}
	}
	return c, nil
}

// resources are what the container of a stage gets.
func (b *builder) resources(stage contract.Stage) corev1.ResourceRequirements {
	if stage != contract.StageTrain {
		return *b.config.Prepare.Resources.DeepCopy()
	}
	needs := b.config.Train.Resources.DeepCopy()
	if o := b.job.Spec.Pod; o != nil {
		applyResources(needs, o.Resources)
	}
	return *needs
}

// env is the environment of the contract, for a container with these limits.
func (b *builder) env(stage contract.Stage, limits corev1.ResourceList) []corev1.EnvVar {
	env := []corev1.EnvVar{
		{Name: contract.EnvStorageURL, Value: b.storage.URL},
		{Name: contract.EnvStoragePrefix, Value: b.job.Namespace},
	}
	if stage != contract.StageValidate {
		size := b.config.Prepare.WorkDirSize
		if stage == contract.StageTrain {
			size = b.config.Train.WorkDirSize
		}
		env = append(env, corev1.EnvVar{Name: contract.EnvWorkDirSize, Value: strconv.FormatInt(size.Value(), 10)})
		// Without a limit Kubernetes would put what the node has to give in its place, and another node may have more.
		if !limits.StorageEphemeral().IsZero() {
			env = append(env, corev1.EnvVar{Name: contract.EnvEphemeralStorageLimit, ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{
				Resource: "limits.ephemeral-storage",
			}}})
		}
	}
	if stage == contract.StageTrain {
		env = append(env,
			corev1.EnvVar{Name: contract.EnvPodUID, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.uid"}}},
			corev1.EnvVar{Name: contract.EnvMemoryLimit, ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{
				ContainerName: string(stage), Resource: "limits.memory",
			}}},
		)
	}
	return env
}

// args are what the stage is told on its command line.
func (b *builder) args(stage contract.Stage) (contract.Args, error) {
	spec, status := &b.job.Spec, &b.job.Status
	args := contract.Args{
		Stage: stage, Job: status.ID, Start: b.number, Task: string(spec.Task),
		TrainingFile: string(spec.TrainingFile), ValidationFile: string(ptr.Deref(spec.ValidationFile, "")),
	}
	if spec.Hyperparameters != nil {
		data, err := json.Marshal(spec.Hyperparameters)
		if err != nil {
			return args, fmt.Errorf("encoding the hyperparameters of job %s: %w", b.job.Name, err)
		}
		args.Hyperparameters = string(data)
	}
	if stage == contract.StageTrain && status.Files != nil {
		args.TrainingDigest = status.Files.Training.SHA256
		if v := status.Files.Validation; v != nil {
			args.ValidationDigest = v.SHA256
		}
	}
	return args, nil
}
