//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trainingv1alpha1 "github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
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

// jobSide is batch/v1 Job, driven by the Job controller.
func jobSide(syncs int) side {
	return side{
		name:       "Job",
		user:       jobControllerUser,
		podsPerJob: 1,
		object:     newJob,
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

func newJob(namespace string, i int) client.Object {
	backoffLimit, automount := int32(3), false
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "job-" + strconv.Itoa(i)},
		Spec: batchv1.JobSpec{
			BackoffLimit: &backoffLimit,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"bench.swath.dev/kind": "job"}},
				Spec: corev1.PodSpec{
					RestartPolicy:                corev1.RestartPolicyNever,
					AutomountServiceAccountToken: &automount,
					Containers: []corev1.Container{{
						Name:  "main",
						Image: "registry.k8s.io/pause:3.10",
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
							corev1.ResourceCPU:    resource.MustParse("1"),
							corev1.ResourceMemory: resource.MustParse("1Gi"),
						}},
					}},
				},
			},
		},
	}
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
