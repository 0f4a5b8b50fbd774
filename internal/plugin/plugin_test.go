package plugin

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway/access"
)

func TestHeaderIsTheGateways(t *testing.T) {
	if namespaceHeader != access.NamespaceHeader {
		t.Errorf("the plugin says %s and the gateway reads %s", namespaceHeader, access.NamespaceHeader)
	}
}

// runPlugin runs a command that needs no cluster.
func runPlugin(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/nonexistent")
	var out bytes.Buffer
	command := NewCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out})
	command.SetArgs(args)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestEveryHyperparameterIsAFlag(t *testing.T) {
	values := map[reflect.Kind]string{reflect.Int32: "3", reflect.Int64: "4", reflect.Float64: "1e-3", reflect.String: "small"}
	args := []string{"submit", "--dry-run", "--task", "classification", "--training-file", "file-a"}
	for field := range reflect.TypeFor[v1alpha1.Hyperparameters]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		args = append(args, "--"+kebab(name)+"="+values[field.Type.Elem().Kind()])
	}
	printed, err := runPlugin(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	var job v1alpha1.TrainingJob
	if err := yaml.UnmarshalStrict([]byte(printed), &job); err != nil {
		t.Fatalf("what is printed is no TrainingJob: %v\n%s", err, printed)
	}
	parameters := reflect.ValueOf(*job.Spec.Hyperparameters)
	for i := range parameters.NumField() {
		if parameters.Field(i).IsNil() {
			t.Errorf("%s is not set", parameters.Type().Field(i).Name)
		}
	}
}

func TestManifestSaysOnlyWhatWasAskedFor(t *testing.T) {
	printed, err := runPlugin(t, "submit", "--dry-run", "--name", "ships", "-n", "demo", "--task", "classification", "--training-file", "file-a")
	const want = "apiVersion: training.swath.dev/v1alpha1\nkind: TrainingJob\nmetadata:\n  name: ships\n  namespace: demo\nspec:\n  task: classification\n  trainingFile: file-a\n"
	if err != nil || printed != want {
		t.Errorf("printed (%v):\n%s", err, printed)
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"not a number":      {"--epochs", "many"},
		"not a whole one":   {"--epochs", "1.5"},
		"no JSON number":    {"--learning-rate", "0x1"},
		"unknown parameter": {"--lr", "1"},
	} {
		if _, err := runPlugin(t, append([]string{"submit", "--dry-run", "--task", "classification", "--training-file", "a"}, args...)...); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestLineSaysHowTheJobGetsOn(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	waiting := []metav1.Condition{{Type: v1alpha1.ConditionRunning, Message: "no node can take Pod ships-train-1"}}
	left := metav1.NewTime(now.Add(90 * time.Second))
	for name, test := range map[string]struct {
		job  v1alpha1.TrainingJob
		want string
	}{
		"new":     {v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: "initializing"}}, "initializing"},
		"waiting": {v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: "queued", Conditions: waiting}}, "queued  no node can take Pod ships-train-1"},
		"queued":  {v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: "queued", QueuePosition: ptr.To[int32](3), Conditions: waiting}}, "queued  place 3 in the queue"},
		"running": {
			v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: "running", Progress: &v1alpha1.Progress{
				Summary: "epoch 7/40, mean IoU 0.912", Step: 50, Steps: 100, EstimatedFinishedAt: &left,
				Metrics: map[string]string{contract.MetricValidLoss: "0.25", contract.MetricTrainLoss: "0.5"},
			}}},
			"running  [############............]  epoch 7/40, mean IoU 0.912  validation loss 0.25  1m30s left",
		},
		"running without validation": {
			v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: "running", Progress: &v1alpha1.Progress{
				Summary: "epoch 7/40", Metrics: map[string]string{contract.MetricLoss: "0.75", contract.MetricTrainLoss: "0.5"},
			}}},
			"running  epoch 7/40  training loss 0.5",
		},
		"running its first epoch": {
			v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: "running", Progress: &v1alpha1.Progress{
				Summary: "epoch 0/40", Metrics: map[string]string{contract.MetricLoss: "0.75"},
			}}},
			"running  epoch 0/40  training loss 0.75",
		},
		"cancelled": {
			v1alpha1.TrainingJob{Spec: v1alpha1.TrainingJobSpec{Cancel: ptr.To(true)}, Status: v1alpha1.TrainingJobStatus{Phase: "running"}},
			"running  being cancelled",
		},
	} {
		if got := describe(&test.job, queuePlace{}, now); got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
	}
}

func TestProblemsOfARequestAreReadable(t *testing.T) {
	for body, want := range map[string]string{
		`{"detail":"File not found"}`: "File not found",
		`{"detail":[{"loc":["body","images",0,"gsd"],"msg":"Field required","type":"missing"}]}`: "body.images.0.gsd: Field required",
		`<html>`:         "",
		`{"detail":{}}`:  "",
		`{"error":"x"}`:  "",
		`{"detail":[7]}`: "",
	} {
		if got := detailOf([]byte(body)); got != want {
			t.Errorf("%s reads %q", body, got)
		}
	}
}
