package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// policing does what a policy does that keeps labels off Pods as they are made, and with
// lasting set afterwards, too.
type policing struct {
	client.Client
	lasting bool
}

func (p policing) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.Labels = nil
	}
	return p.Client.Create(ctx, object, options...)
}

func (p policing) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	if _, ok := object.(*corev1.Pod); ok && p.lasting && strings.Contains(string(data), "labels") {
		return cluster.Get(ctx, client.ObjectKeyFromObject(object), object)
	}
	return p.Client.Patch(ctx, object, patch, options...)
}

// relabel has a person change the labels of the Pod.
func (s *stage) relabel(name, labels string) {
	s.t.Helper()
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name = s.namespace, name
	patch := fmt.Sprintf(`{"metadata":{"labels":%s}}`, labels)
	if err := cluster.Patch(context.Background(), pod, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		s.t.Fatalf("changing the labels of Pod %s: %v", name, err)
	}
}

// labelled waits until the Pod has all labels of the operator.
func (s *stage) labelled(name string, job *v1alpha1.TrainingJob, role, number string) {
	s.t.Helper()
	want := map[string]string{v1alpha1.LabelJobName: job.Name, v1alpha1.LabelJobID: contract.JobID(string(job.UID)), v1alpha1.LabelRole: role, v1alpha1.LabelNumber: number}
	s.eventually("Pod "+name+" has its labels", func() error {
		var pod corev1.Pod
		if err := cluster.Get(context.Background(), client.ObjectKey{Namespace: s.namespace, Name: name}, &pod); err != nil {
			return err
		}
		for key, value := range want {
			if pod.Labels[key] != value {
				return fmt.Errorf("its labels are %v", pod.Labels)
			}
		}
		return nil
	})
}

func TestAPodThatAPersonTookTheLabelsOffGetsThemBack(t *testing.T) {
	for name, labels := range map[string]string{
		"the job's name is taken off":   `{"training.swath.dev/job-name":null}`,
		"all are taken off":             `{"training.swath.dev/job-name":null,"training.swath.dev/job-id":null,"training.swath.dev/role":null,"training.swath.dev/number":null}`,
		"it has the name of another":    `{"training.swath.dev/job-name":"another"}`,
		"it has another role":           `{"training.swath.dev/role":"prepare"}`,
		"it is of another start":        `{"training.swath.dev/number":"7"}`,
		"it is of a job with other IDs": `{"training.swath.dev/job-id":"trainingjob-000000000000"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			job := s.submit(newJob("ships"))
			k := s.training(job)
			s.relabel("ships-train-1", labels)
			// Of a label that no decision goes by the operator learns with the next change.
			s.seen(job)
			s.labelled("ships-train-1", job, "train", "1")
			k.says(contract.StageTrain, trained(s.job(job), 1))
			end := s.phase(job, v1alpha1.PhaseSucceeded)
			if end.Status.Starts != 1 || len(end.Status.Attempts) != 0 {
				t.Errorf("the job is %s", describe(end))
			}
			s.released(k)
		})
	}
}

func TestPodsThatAPolicyKeepsTheLabelsOffGetThem(t *testing.T) {
	s := newStage(t, func(s *stage) { s.wrap = func(c client.Client) client.Client { return policing{Client: c} } })
	job := s.submit(newJob("ships"))
	s.succeeded(job)
	s.labelled("ships-prepare-1", job, "prepare", "1")
	s.labelled("ships-train-1", job, "train", "1")
}

func TestAPolicyThatKeepsTheLabelsOffForGoodIsSaid(t *testing.T) {
	s := newStage(t, func(s *stage) {
		s.wrap = func(c client.Client) client.Client { return policing{Client: c, lasting: true} }
	})
	job := s.submit(newJob("ships"))
	if message := s.waitsFor(job, v1alpha1.ReasonAdmissionRefused); !strings.Contains(message, "training.swath.dev/job-name") || !strings.Contains(message, "exempt Pods") {
		t.Errorf("the condition says %q", message)
	}
	s.eventually("no Pod is left that nobody sees", func() error {
		if names := s.podNames(); len(names) > 0 {
			return fmt.Errorf("there are %v", names)
		}
		return nil
	})
}

// The labels go while the operator is not there: nothing tells it of the Pod but its name.
func TestAJobIsNotCancelledWhileAPodWithoutLabelsTrains(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.stop()
	s.relabel("ships-train-1", `{"training.swath.dev/job-name":null}`)
	s.change(job, cancel)
	s.start()
	k.deleting()
	if now := s.job(job); now.Status.Phase.Finished() {
		t.Errorf("the job ended while its Pod was there: %s", describe(now))
	}
	k.ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	s.wantCancelled(job)
}

// A job that is being deleted makes no Pod any more, by which it would find one.
func TestAPodWithoutLabelsOfAJobThatIsBeingDeletedIsNotHeld(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.deleteInForeground(job)
	s.stop()
	s.relabel("ships-train-1", `{"training.swath.dev/job-name":null}`)
	s.start()
	k.says(contract.StageTrain, trained(s.job(job), 1))
	s.phase(job, v1alpha1.PhaseSucceeded)
	s.released(k)
}
