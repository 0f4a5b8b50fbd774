package integration

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// events are the events about the job.
func (s *stage) events(job *v1alpha1.TrainingJob) []eventsv1.Event {
	s.t.Helper()
	var list eventsv1.EventList
	if err := cluster.List(context.Background(), &list, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatalf("listing the events: %v", err)
	}
	return slices.DeleteFunc(list.Items, func(event eventsv1.Event) bool {
		return event.Regarding.Kind != v1alpha1.TrainingJobKind || event.Regarding.Name != job.Name
	})
}

// eventReasons are the reasons of the events about the job, sorted.
func (s *stage) eventReasons(job *v1alpha1.TrainingJob) []string {
	s.t.Helper()
	var reasons []string
	for _, event := range s.events(job) {
		reasons = append(reasons, event.Reason)
	}
	slices.Sort(reasons)
	return reasons
}

func TestEachPhaseHasAnEventAlsoWhenItWasShorterThanALook(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	// Download and validation were over before the operator saw either.
	s.stop()
	s.start()
	end := s.succeeded(job)
	want := []string{"DownloadingFiles", "Initializing", "Queued", "Running", "Succeeded", "ValidatingFiles"}
	s.eventually("there is an event for each phase", func() error {
		if got := s.eventReasons(job); !slices.Equal(got, want) {
			return errNotYet
		}
		return nil
	})
	if len(end.Status.PhaseTimes) != 6 {
		t.Errorf("the times of the phases are %+v", end.Status.PhaseTimes)
	}
}

// Warnings stand in the status as soon as a stage has said them, and each stage's are an
// event.
func TestWarningsAreToldInTheStatusAndAsEvents(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	files := validated(s.job(job), 1)
	files.Warnings = []string{"class 2 has 3 samples only", "the platform is not known"}
	s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).ends(contract.StageDownload, 0, "").says(contract.StageValidate, files)
	ready := s.until(job, "the files are valid", func(j *v1alpha1.TrainingJob) bool { return j.Status.Files != nil })
	if !slices.Equal(ready.Status.Warnings, files.Warnings) {
		t.Errorf("once the files are valid the warnings are %q", ready.Status.Warnings)
	}
	model := trained(s.job(job), 1)
	const poor = "the model is not better than always saying the most frequent class"
	model.Warnings = append([]string{poor}, files.Warnings...)
	s.onNode(s.pod(job, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain).says(contract.StageTrain, model)
	end := s.phase(job, v1alpha1.PhaseSucceeded)
	if !slices.Equal(end.Status.Warnings, append(slices.Clone(files.Warnings), poor)) || end.Status.ModelDigest != model.Manifest {
		t.Errorf("at the end the warnings are %q and the model's digest is %s", end.Status.Warnings, end.Status.ModelDigest)
	}
	want := map[string]string{"FilesWarning": strings.Join(files.Warnings, "; "), "ModelWarning": poor}
	s.eventually("the warnings are events", func() error {
		told := map[string]string{}
		for _, event := range s.events(job) {
			if event.Type == corev1.EventTypeWarning {
				told[event.Reason] = event.Note
			}
		}
		if !maps.Equal(told, want) {
			return fmt.Errorf("the events are %q", told)
		}
		return nil
	})
}

func TestMetricsCountWhatHappened(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.succeeded(job)
	s.submit(newJob("waiting"))
	s.phase(newJobIn(s, "waiting"), v1alpha1.PhaseInitializing)
	want := []string{
		`swath_trainingjobs{namespace="` + s.namespace + `",phase="initializing"} 1`,
		`swath_trainingjobs{namespace="` + s.namespace + `",phase="succeeded"} 1`,
		`swath_trainingjob_ended_total{phase="succeeded",reason="Succeeded"} 1`,
		`swath_trainingjob_phase_seconds{phase="running"} count 1`,
		`swath_trainingjob_create_to_pod_seconds{} count 2`,
		`swath_queue_length{} 0`,
	}
	s.eventually("the metrics are there", func() error {
		got := s.metrics()
		for _, line := range want {
			if !slices.Contains(got, line) {
				return errMissing(line + " in\n" + strings.Join(got, "\n"))
			}
		}
		return nil
	})
}

func TestEveryMetricIsDocumented(t *testing.T) {
	s := newStage(t)
	s.succeeded(s.submit(newJob("ships")))
	failed := s.submit(newJob("broken"))
	s.onNode(s.pod(failed, v1alpha1.RolePrepare, 1)).ends(contract.StageDownload, contract.ExitNoFile, "")
	s.phase(failed, v1alpha1.PhaseFailed)
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	// An end is counted when it is recorded, which is a moment after it can be read.
	s.eventually("all 8 metrics of ours are there", func() error {
		families, err := s.registry.Gather()
		if err != nil {
			return err
		}
		names := 0
		for _, family := range families {
			if !strings.HasPrefix(family.GetName(), "swath_") {
				continue
			}
			names++
			if !strings.Contains(string(document), "`"+family.GetName()) {
				t.Errorf("docs/operating.md does not describe %s", family.GetName())
			}
		}
		if names != 8 {
			return fmt.Errorf("there are %d", names)
		}
		return nil
	})
}
