//go:build linux

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trainingv1alpha1 "github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/pods"
)

// side is one of the two that are measured beside each other: a kind of job and its controller.
type side struct {
	name       string
	user       string // Whom the controller is for the API server.
	podsPerJob int
	object     func(namespace string, i int) client.Object
	list       func() client.ObjectList
	// ended tells whether the job has ended as it should; an error means that it has ended otherwise.
	ended func(object runtime.Object) (bool, error)
	// controller is the program; address is where it serves metrics, and empty if it does not.
	controller func(c *cluster) (p program, address string, err error)
}

// jobControllerUser is whom the Job controller is for the API server, when kube-controller-manager uses a service account
// for each of its controllers. Kubernetes has rights for it from the start.
const jobControllerUser = "system:serviceaccount:kube-system:job-controller"

// jobSide is batch/v1 Job, driven by the Job controller with that many workers. Its Pods are like shape.
func jobSide(syncs int, shape *corev1.Pod) side {
	return side{
		name:       "Job",
		user:       jobControllerUser,
		podsPerJob: 1,
		object:     func(namespace string, i int) client.Object { return newJob(shape, namespace, i) },
		list:       func() client.ObjectList { return &batchv1.JobList{} },
		ended:      jobEnded,
		controller: func(c *cluster) (program, string, error) {
			kubeconfig, err := c.kubeconfig("kube-controller-manager", "system:kube-controller-manager")
			if err != nil {
				return program{}, "", err
			}
			return program{
				name: "kube-controller-manager",
				path: filepath.Join(c.binaries.kubernetes, "kube-controller-manager"),
				args: []string{
					"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0",
					"--use-service-account-credentials=true",
					"--controllers=job-controller", // No other takes processor time.
					"--concurrent-job-syncs=" + strconv.Itoa(syncs),
					"--kube-api-qps=" + strconv.Itoa(clientQPS), "--kube-api-burst=" + strconv.Itoa(clientBurst),
				},
			}, "", nil
		},
	}
}

// newJob is a Job whose Pod is like the train Pod of a TrainingJob, so that controllers are compared and not the sizes
// of Pods. shape is that Pod; nil means the least Pod that there can be.
func newJob(shape *corev1.Pod, namespace string, i int) client.Object {
	backoffLimit, automount := int32(3), false
	template := corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		RestartPolicy:                corev1.RestartPolicyNever,
		AutomountServiceAccountToken: &automount,
		Containers:                   []corev1.Container{{Name: "main", Image: "registry.k8s.io/pause:3.10"}},
	}}
	if shape != nil {
		template.Spec = *shape.Spec.DeepCopy()
	}
	template.Labels = map[string]string{"bench.swath.dev/kind": "job"}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "job-" + strconv.Itoa(i)},
		Spec:       batchv1.JobSpec{BackoffLimit: &backoffLimit, Template: template},
	}
}

// trainPod is a train Pod as the manager makes it.
func trainPod(c *config.Config) (*corev1.Pod, error) {
	job, ok := newTrainingJob("jobs", 0).(*trainingv1alpha1.TrainingJob)
	if !ok {
		return nil, errors.New("newTrainingJob makes no TrainingJob")
	}
	job.UID = "00000000-0000-0000-0000-000000000000"
	job.Status.ID = contract.JobID(string(job.UID))
	digest := strings.Repeat("0", 64)
	job.Status.Files = &trainingv1alpha1.ValidatedFiles{
		Training:   trainingv1alpha1.ValidatedFile{SHA256: digest},
		Validation: &trainingv1alpha1.ValidatedFile{SHA256: digest},
	}
	pod, err := pods.Make(job, trainingv1alpha1.RoleTrain, 1, c)
	if err != nil {
		return nil, fmt.Errorf("making the Pod that the Jobs have: %w", err)
	}
	return pod, nil
}

func jobEnded(object runtime.Object) (bool, error) {
	job, ok := object.(*batchv1.Job)
	if !ok {
		return false, nil
	}
	for _, condition := range job.Status.Conditions {
		switch {
		case condition.Status != corev1.ConditionTrue:
		case condition.Type == batchv1.JobComplete:
			return true, nil
		case condition.Type == batchv1.JobFailed:
			return false, fmt.Errorf("the Job %s has failed: %s", job.Name, condition.Message)
		}
	}
	return false, nil
}

// trainingJobSide is TrainingJob, driven by the manager.
func trainingJobSide() side {
	return side{
		name:       trainingv1alpha1.TrainingJobKind,
		user:       managerUser,
		podsPerJob: 2,
		object:     newTrainingJob,
		list:       func() client.ObjectList { return &trainingv1alpha1.TrainingJobList{} },
		ended:      trainingJobEnded,
		controller: managerProgram,
	}
}

func newTrainingJob(namespace string, i int) client.Object {
	validation := trainingv1alpha1.FileName("file-validation")
	return &trainingv1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "job-" + strconv.Itoa(i)},
		Spec: trainingv1alpha1.TrainingJobSpec{
			Task:           trainingv1alpha1.TaskClassification,
			TrainingFile:   "file-training",
			ValidationFile: &validation,
		},
	}
}

// trainingJobEnded also checks that the job has passed every phase, and has the model that is its own.
func trainingJobEnded(object runtime.Object) (bool, error) {
	job, ok := object.(*trainingv1alpha1.TrainingJob)
	if !ok || !job.Status.Phase.Finished() {
		return false, nil
	}
	status := &job.Status
	if status.Phase != trainingv1alpha1.PhaseSucceeded {
		return false, fmt.Errorf("the TrainingJob %s has ended as %s: %s", job.Name, status.Phase, status.Error)
	}
	if want := contract.ModelID(status.ID); status.TrainedModel != want {
		return false, fmt.Errorf("the TrainingJob %s has the model %q in place of %q", job.Name, status.TrainedModel, want)
	}
	passed := map[trainingv1alpha1.Phase]bool{}
	for _, t := range status.PhaseTimes {
		passed[t.Phase] = true
	}
	for _, phase := range []trainingv1alpha1.Phase{
		trainingv1alpha1.PhaseInitializing, trainingv1alpha1.PhaseDownloadingFiles, trainingv1alpha1.PhaseValidatingFiles,
		trainingv1alpha1.PhaseQueued, trainingv1alpha1.PhaseRunning, trainingv1alpha1.PhaseSucceeded,
	} {
		if !passed[phase] {
			return false, fmt.Errorf("the TrainingJob %s has succeeded without passing %s", job.Name, phase)
		}
	}
	return true, nil
}
