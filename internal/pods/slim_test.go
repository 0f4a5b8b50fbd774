package pods_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

// The cache keeps every field that lifecycle.ReadPod reads.
func TestTheCacheKeepsWhatIsReadOfAPod(t *testing.T) {
	pod := fullPod()
	want := lifecycle.ReadPod(pod)
	// readPod of the controllers and the events set these, not ReadPod.
	others := []string{"Outdated", "Trouble", "TroubleRead"}
	read := reflect.ValueOf(want)
	for i := range read.NumField() {
		if name := read.Type().Field(i).Name; read.Field(i).IsZero() && !slices.Contains(others, name) {
			t.Errorf("the Pod of this test leaves %s empty; set what ReadPod reads for it", name)
		}
	}
	if got := lifecycle.ReadPod(pods.Slim(pod)); !reflect.DeepEqual(got, want) {
		t.Errorf("of the cached Pod ReadPod reads\n%+v\nand the container %+v, want\n%+v\nand %+v", got, got.Awaited, want, want.Awaited)
	}
}

// fullPod sets all fields that ReadPod reads.
func fullPod() *corev1.Pod {
	at := func(minute int) metav1.Time {
		return metav1.Time{Time: time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC)}
	}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", Message: "{}", StartedAt: at(3), FinishedAt: at(4)}}
	waits := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing", Message: "soon"}}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "ships-train-2", UID: "ships-train-2", CreationTimestamp: at(0),
			DeletionTimestamp: ptr.To(at(9)), DeletionGracePeriodSeconds: ptr.To[int64](30),
			Labels:     map[string]string{v1alpha1.LabelRole: v1alpha1.RoleTrain, v1alpha1.LabelNumber: "2"},
			Finalizers: []string{v1alpha1.ResultFinalizer, "example.com/other"},
		},
		Spec: corev1.PodSpec{
			NodeName: "node-1", SchedulerName: "default-scheduler", SchedulingGates: []corev1.PodSchedulingGate{{Name: "example.com/gate"}},
			InitContainers: []corev1.Container{
				{Name: "mesh", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways)},
				{Name: "proxy", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways)},
				{Name: string(contract.StageDownload), Image: "trainer:1"},
			},
			Containers: []corev1.Container{{
				Name: string(contract.StageTrain), Image: "trainer:1", Env: []corev1.EnvVar{{Name: contract.EnvQueue, Value: "team"}},
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")}},
			}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodFailed, Reason: "Evicted", Message: "the node has little memory", PodIP: "10.0.0.1",
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes fit", LastTransitionTime: at(1)},
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: at(2)},
				{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "a drain"},
			},
			InitContainerStatuses: []corev1.ContainerStatus{
				{Name: "mesh", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(2)}}, Started: ptr.To(true)},
				{Name: "proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(2)}}, Started: ptr.To(false)},
				{Name: string(contract.StageDownload), State: ended},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: string(contract.StageTrain), State: waits}},
		},
	}
}
