package integration

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// apiCase is a job as a user writes it, and what the API server says of it: nothing,
// or a sentence.
type apiCase struct {
	spec string
	name string
	says string
}

var createCases = map[string]apiCase{
	"the least":    {spec: `{task: classification, trainingFile: file-a}`},
	"segmentation": {spec: `{task: segmentation, trainingFile: file-a, validationFile: file-b, hyperparameters: {numClasses: 7}}`},
	"every hyperparameter": {spec: `{task: classification, trainingFile: file-a, hyperparameters: {numClasses: 2, epochs: 40, batchSize: 16,
		learningRate: 0.001, weightDecay: 0.05, warmup: 0.1, seed: 42, modelSize: base, loss: focal, classWeights: balanced, ignoreLabel: 255,
		augmentation: d4, earlyStoppingPatience: 5, validationFraction: 0.2}}`},
	"no task":                         {spec: `{trainingFile: file-a}`, says: "spec.task: Required value"},
	"another task":                    {spec: `{task: detection, trainingFile: file-a}`, says: `Unsupported value: "detection"`},
	"no training file":                {spec: `{task: classification}`, says: "spec.trainingFile: Required value"},
	"a file that leads out":           {spec: `{task: classification, trainingFile: ../secret}`, says: "spec.trainingFile"},
	"a file in another folder":        {spec: `{task: classification, trainingFile: a/b}`, says: "spec.trainingFile"},
	"a file of dots":                  {spec: `{task: classification, trainingFile: a..b}`, says: "spec.trainingFile"},
	"a hidden file":                   {spec: `{task: classification, trainingFile: .a}`, says: "spec.trainingFile"},
	"an empty validation file":        {spec: `{task: classification, trainingFile: a, validationFile: ""}`, says: "spec.validationFile"},
	"validation on the training data": {spec: `{task: classification, trainingFile: a, validationFile: a}`, says: "validationFile must differ from trainingFile"},
	"segmentation without classes":    {spec: `{task: segmentation, trainingFile: a}`, says: "hyperparameters.numClasses is required for segmentation"},
	"segmentation with others only":   {spec: `{task: segmentation, trainingFile: a, hyperparameters: {epochs: 3}}`, says: "hyperparameters.numClasses is required for segmentation"},
	"one class":                       {spec: `{task: segmentation, trainingFile: a, hyperparameters: {numClasses: 1}}`, says: "greater than or equal to 2"},
	"too many classes":                {spec: `{task: segmentation, trainingFile: a, hyperparameters: {numClasses: 257}}`, says: "less than or equal to 256"},
	"no epochs":                       {spec: `{task: classification, trainingFile: a, hyperparameters: {epochs: 0}}`, says: "greater than or equal to 1"},
	"a learning rate of nothing":      {spec: `{task: classification, trainingFile: a, hyperparameters: {learningRate: 0}}`, says: "learningRate"},
	"a word for a number":             {spec: `{task: classification, trainingFile: a, hyperparameters: {epochs: many}}`, says: "must be of type integer"},
	"an unknown hyperparameter":       {spec: `{task: classification, trainingFile: a, hyperparameters: {num_classes: 3}}`, says: `unknown field "spec.hyperparameters.num_classes"`},
	"an unknown field":                {spec: `{task: classification, trainingFile: a, gpu: true}`, says: `unknown field "spec.gpu"`},
	"a deadline of 317 years":         {spec: `{task: classification, trainingFile: a, activeDeadlineSeconds: 9999999999}`, says: "less than or equal to 2147483647"},
	"a negative deadline":             {spec: `{task: classification, trainingFile: a, activeDeadlineSeconds: 0}`, says: "activeDeadlineSeconds"},
	"resources that work": {spec: inPod(`resources: {limits: {cpu: "0.5", memory: 1.5Gi, ephemeral-storage: 1e12, nvidia.com/gpu: 1, hugepages-2Mi: 4Mi},
		requests: {cpu: 100m, memory: 100000000, nvidia.com/gpu: "1"}}`)},
	"the least memory":               {spec: inPod(`resources: {limits: {memory: 80Mi}}`)},
	"half a byte":                    {spec: inPod(`resources: {limits: {memory: 512m}}`), says: "limits.memory is 512m, and the trainer needs at least 80Mi: did you mean 512Mi?"},
	"bytes for mebibytes":            {spec: inPod(`resources: {limits: {memory: 512}}`), says: "limits.memory is 512, and the trainer needs at least 80Mi: did you mean 512Mi?"},
	"too little memory":              {spec: inPod(`resources: {limits: {memory: 79Mi}}`), says: "limits.memory is 79Mi, and the trainer needs at least 80Mi: raise it"},
	"a request of half a byte":       {spec: inPod(`resources: {requests: {memory: 512m}}`), says: "a fraction of a byte"},
	"a negative request":             {spec: inPod(`resources: {requests: {memory: -1Gi}}`), says: "a request must not be negative"},
	"no processor":                   {spec: inPod(`resources: {limits: {cpu: 0}}`), says: "a limit must be greater than 0"},
	"a request above its limit":      {spec: inPod(`resources: {limits: {memory: 4Gi}, requests: {memory: 8Gi}}`), says: "a request is above its limit"},
	"a request beyond int64":         {spec: inPod(`resources: {requests: {memory: "9223372036854775808"}}`), says: "a request is more than Kubernetes can count"},
	"a limit beyond int64":           {spec: inPod(`resources: {limits: {memory: 10E}}`), says: "a limit is more than Kubernetes can count"},
	"a resource that nobody knows":   {spec: inPod(`resources: {limits: {gpu: 1}}`), says: "such as nvidia.com/gpu"},
	"a request that nobody knows":    {spec: inPod(`resources: {requests: {mem: 1Gi}}`), says: "Kubernetes knows cpu, memory"},
	"claims":                         {spec: inPod(`resources: {claims: [{name: gpu}]}`), says: "claims are not supported"},
	"a reference in the environment": {spec: `{task: classification, trainingFile: a, pod: {env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}}`, says: `unknown field "spec.pod.env[0].valueFrom"`},
	"a name with a space":            {spec: `{task: classification, trainingFile: a, pod: {env: [{name: "A B", value: x}]}}`, says: "spec.pod.env[0].name"},
	"an empty pod":                   {spec: `{task: classification, trainingFile: a, pod: {}}`, says: "spec.pod"},
	"a name too long for a label":    {spec: `{task: classification, trainingFile: a}`, name: strings.Repeat("a", 64), says: "at most 63 characters"},
}

// inPod is a request with that field in spec.pod.
func inPod(field string) string {
	return `{task: classification, trainingFile: a, pod: {` + field + `}}`
}

func TestTheAPITakesGoodJobsAndSaysWhatIsWrongWithOthers(t *testing.T) {
	s := newStage(t, withoutOperator)
	number := 0
	for name, c := range createCases {
		number++
		job := &unstructured.Unstructured{}
		text := fmt.Sprintf("apiVersion: %s\nkind: TrainingJob\nmetadata: {name: job-%d}\nspec: %s", v1alpha1.GroupVersion, number, c.spec)
		if err := yaml.Unmarshal([]byte(text), job); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		job.SetNamespace(s.namespace)
		if c.name != "" {
			job.SetName(c.name)
		}
		err := cluster.Create(t.Context(), job, client.FieldValidation(metav1.FieldValidationStrict))
		check(t, name, err, c.says)
	}
}

func check(t *testing.T, name string, err error, says string) {
	t.Helper()
	switch {
	case says == "" && err != nil:
		t.Errorf("%s: the API server says %v", name, err)
	case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
		t.Errorf("%s: the API server says %v, want %q", name, err, says)
	}
}

// A job that no operator has seen says so: its phase is there from the start, and tools
// that follow kstatus read it as in progress.
func TestAJobHasItsPhaseFromTheStart(t *testing.T) {
	s := newStage(t, withoutOperator)
	job := s.submit(newJob("ships"))
	for _, seen := range []*v1alpha1.TrainingJob{job, s.job(job)} {
		if seen.Status.Phase != v1alpha1.PhaseInitializing || seen.Status.ObservedGeneration != -1 {
			t.Errorf("a new job has the phase %q and the observed generation %d", seen.Status.Phase, seen.Status.ObservedGeneration)
		}
		s.wantKstatus(seen, status.InProgressStatus)
	}
	// One that was stored with a status and no phase has it, too.
	job.Status.Phase = ""
	if err := cluster.Status().Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if phase := s.job(job).Status.Phase; phase != v1alpha1.PhaseInitializing {
		t.Errorf("a job without a phase reads as %q", phase)
	}
}

func TestTheRequestNeverChangesAndCancelStays(t *testing.T) {
	s := newStage(t, withoutOperator)
	cases := map[string]struct {
		before, change func(*v1alpha1.TrainingJob)
		says           string
	}{
		"another task":                {change: func(j *v1alpha1.TrainingJob) { j.Spec.Task, j.Spec.Hyperparameters = "segmentation", classes(3) }, says: "task is immutable"},
		"another training file":       {change: func(j *v1alpha1.TrainingJob) { j.Spec.TrainingFile = "other" }, says: "trainingFile is immutable"},
		"another validation file":     {change: func(j *v1alpha1.TrainingJob) { j.Spec.ValidationFile = ptr.To(v1alpha1.FileName("other")) }, says: "validationFile is immutable"},
		"no validation file any more": {change: func(j *v1alpha1.TrainingJob) { j.Spec.ValidationFile = nil }, says: "validationFile is immutable"},
		"a validation file at last": {
			before: func(j *v1alpha1.TrainingJob) { j.Spec.ValidationFile = nil },
			change: func(j *v1alpha1.TrainingJob) { j.Spec.ValidationFile = ptr.To(v1alpha1.FileName("other")) }, says: "validationFile is immutable",
		},
		"hyperparameters at last": {change: func(j *v1alpha1.TrainingJob) { j.Spec.Hyperparameters = classes(2) }, says: "hyperparameters are immutable"},
		"other hyperparameters": {
			before: func(j *v1alpha1.TrainingJob) { j.Spec.Hyperparameters = classes(2) },
			change: func(j *v1alpha1.TrainingJob) { j.Spec.Hyperparameters = classes(3) }, says: "hyperparameters are immutable",
		},
		"no hyperparameters any more": {
			before: func(j *v1alpha1.TrainingJob) { j.Spec.Hyperparameters = classes(2) },
			change: func(j *v1alpha1.TrainingJob) { j.Spec.Hyperparameters = nil }, says: "hyperparameters are immutable",
		},
		"cancel":                    {change: cancel},
		"cancel taken back":         {before: cancel, change: func(j *v1alpha1.TrainingJob) { j.Spec.Cancel = ptr.To(false) }, says: "cancel cannot be taken back"},
		"cancel left out":           {before: cancel, change: func(j *v1alpha1.TrainingJob) { j.Spec.Cancel = nil }, says: "cancel cannot be taken back"},
		"suspend":                   {change: suspend},
		"resume":                    {before: suspend, change: resume},
		"another backoffLimit":      {change: func(j *v1alpha1.TrainingJob) { j.Spec.BackoffLimit = ptr.To[int32](7) }},
		"another deadline":          {change: func(j *v1alpha1.TrainingJob) { j.Spec.ActiveDeadlineSeconds = ptr.To[int64](60) }},
		"a Pod before the training": {change: func(j *v1alpha1.TrainingJob) { j.Spec.Pod = gpu() }},
		"a Pod while the first start waits": {
			before: func(j *v1alpha1.TrainingJob) { j.Status.Starts = 1 }, change: func(j *v1alpha1.TrainingJob) { j.Spec.Pod = gpu() },
		},
		"a Pod after the start": {before: started, change: func(j *v1alpha1.TrainingJob) { j.Spec.Pod = gpu() }, says: "spec.pod cannot change once training has started"},
		"no Pod after the start": {
			before: func(j *v1alpha1.TrainingJob) { started(j); j.Spec.Pod = gpu() },
			change: func(j *v1alpha1.TrainingJob) { j.Spec.Pod = nil }, says: "spec.pod cannot change once training has started",
		},
		"cancel after the start": {before: started, change: cancel},
	}
	number := 0
	for name, c := range cases {
		number++
		job := newJob(fmt.Sprintf("job-%d", number))
		if c.before != nil {
			c.before(job)
		}
		status := job.Status
		s.submit(job)
		if status.Starts > 0 {
			job.Status = status
			if err := cluster.Status().Update(t.Context(), job); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		c.change(job)
		check(t, name, cluster.Update(t.Context(), job), c.says)
	}
}

func classes(n int32) *v1alpha1.Hyperparameters { return &v1alpha1.Hyperparameters{NumClasses: &n} }

func started(job *v1alpha1.TrainingJob) {
	job.Status.Starts, job.Status.StartedAt = 1, ptr.To(metav1.Now())
}

func gpu() *v1alpha1.PodOptions {
	return &v1alpha1.PodOptions{
		NodeSelector: map[string]string{"gpu": "a100"},
		Tolerations:  []corev1.Toleration{{Key: "nvidia.com/gpu", Operator: corev1.TolerationOpExists}},
		Affinity:     &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "a", Operator: corev1.NodeSelectorOpExists}}}}}}},
	}
}

// A pipeline that applies its manifest again does not undo what a user asked for.
func TestApplyingTheSameManifestAgainChangesNothing(t *testing.T) {
	s := newStage(t, withoutOperator)
	apply := func() *unstructured.Unstructured {
		t.Helper()
		manifest := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.TrainingJobKind,
			"metadata": map[string]any{"name": "ships", "namespace": s.namespace},
			"spec":     map[string]any{"task": "classification", "trainingFile": "file-train"},
		}}
		if err := cluster.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(manifest), client.FieldOwner("pipeline")); err != nil {
			t.Fatalf("applying: %v", err)
		}
		return manifest
	}
	apply()
	job := newJobIn(s, "ships")
	s.change(job, cancel)
	cancelled := s.job(job)
	apply()
	if again := s.job(job); again.Generation != cancelled.Generation || !ptr.Deref(again.Spec.Cancel, false) {
		t.Errorf("the job's spec became %+v", again.Spec)
	}
}
