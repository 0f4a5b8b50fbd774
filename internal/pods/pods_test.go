package pods_test

import (
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

var update = flag.Bool("update", false, "write the goldens anew")

func makeConfig() *config.Config {
	c := config.Default()
	c.Trainer.Image = "swath.local/trainer:dev"
	c.Storage = []config.Storage{{URL: "s3://bucket?region=eu-central-1", SecretName: "swath-storage"}}
	return &c
}

func makeJob() *v1alpha1.TrainingJob {
	job := &v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "ships", UID: "0a1b"}}
	job.Spec = v1alpha1.TrainingJobSpec{
		Task: v1alpha1.TaskSegmentation, TrainingFile: "file-train", ValidationFile: ptr.To(v1alpha1.FileName("file-validation")),
		Hyperparameters: &v1alpha1.Hyperparameters{NumClasses: ptr.To[int32](7)},
	}
	job.Status.ID = "trainingjob-5ms9ja6hk2x0"
	job.Status.Files = &v1alpha1.ValidatedFiles{
		Training:   v1alpha1.ValidatedFile{SHA256: strings.Repeat("a", 64)},
		Validation: &v1alpha1.ValidatedFile{SHA256: strings.Repeat("b", 64)},
	}
	return job
}

func mustMake(t *testing.T, job *v1alpha1.TrainingJob, role string, c *config.Config) *corev1.Pod {
	t.Helper()
	pod, err := pods.Make(job, role, 1, c)
	if err != nil {
		t.Fatalf("making the %s Pod: %v", role, err)
	}
	return pod
}

// The Pods as a whole, to be read; `go test ./internal/pods -update` writes them anew.
func TestThePodsAreThoseOfTheGoldens(t *testing.T) {
	for _, role := range []string{v1alpha1.RolePrepare, v1alpha1.RoleTrain} {
		got, err := yaml.Marshal(mustMake(t, makeJob(), role, makeConfig()))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", role+".yaml")
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("the %s Pod is not that of %s; run with -update and look at the difference:\n%s", role, path, got)
		}
	}
}

func TestAllContainersAreRestricted(t *testing.T) {
	for _, role := range []string{v1alpha1.RolePrepare, v1alpha1.RoleTrain} {
		pod := mustMake(t, makeJob(), role, makeConfig())
		for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			s := c.SecurityContext
			if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !*s.RunAsNonRoot || s.Capabilities.Drop[0] != "ALL" {
				t.Errorf("the container %s has the security context %+v", c.Name, s)
			}
			for _, kind := range []corev1.ResourceList{c.Resources.Requests, c.Resources.Limits} {
				if kind.Cpu().IsZero() || kind.Memory().IsZero() {
					t.Errorf("the container %s has the resources %+v", c.Name, c.Resources)
				}
			}
		}
		if *pod.Spec.AutomountServiceAccountToken || *pod.Spec.EnableServiceLinks || pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
			t.Errorf("the %s Pod is %+v", role, pod.Spec)
		}
	}
}

func TestTheOperatorsOwnKeysWin(t *testing.T) {
	c := makeConfig()
	c.Allow.LabelPrefixes, c.Allow.AnnotationPrefixes = []string{"*"}, []string{"*"}
	c.Train.NodeSelector = map[string]string{"pool": "training"}
	job := makeJob()
	job.Spec.Pod = &v1alpha1.PodOptions{
		Labels:       map[string]string{"team": "a", "app.kubernetes.io/managed-by": "me"},
		NodeSelector: map[string]string{"pool": "mine", "gpu": "a100"},
		Env:          []v1alpha1.EnvVar{{Name: "OMP_NUM_THREADS", Value: "$(SWATH_STORAGE_URL)"}},
		Resources:    &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi"), "nvidia.com/gpu": resource.MustParse("1")}},
	}
	pod := mustMake(t, job, v1alpha1.RoleTrain, c)
	if pod.Labels["team"] != "a" || pod.Labels["app.kubernetes.io/managed-by"] != "swath" {
		t.Errorf("the labels are %v", pod.Labels)
	}
	if pod.Spec.NodeSelector["pool"] != "training" || pod.Spec.NodeSelector["gpu"] != "a100" {
		t.Errorf("the node selector is %v", pod.Spec.NodeSelector)
	}
	train := pod.Spec.Containers[0]
	if last := train.Env[len(train.Env)-1]; last.Value != "$$(SWATH_STORAGE_URL)" {
		t.Errorf("the value is expanded: %q", last.Value)
	}
	// A configured request that is over the job's limit gives way to it.
	if r := train.Resources; r.Requests.Memory().String() != "1Gi" || r.Limits.Name("nvidia.com/gpu", resource.DecimalSI).Value() != 1 || r.Limits.Cpu().String() != "4" {
		t.Errorf("the resources are %+v", r)
	}
	prepare := mustMake(t, job, v1alpha1.RolePrepare, c)
	if prepare.Labels["team"] != "" || prepare.Spec.NodeSelector["gpu"] != "" {
		t.Errorf("the prepare Pod takes the job's options: %+v", prepare)
	}
}

func TestWhatTheConfigurationDoesNotListIsRefused(t *testing.T) {
	cases := map[string]struct {
		pod  v1alpha1.PodOptions
		says string
	}{
		"a service account":        {v1alpha1.PodOptions{ServiceAccountName: "admin"}, "serviceAccountName admin"},
		"a priority class":         {v1alpha1.PodOptions{PriorityClassName: "system-node-critical"}, "priorityClassName system-node-critical"},
		"a runtime class":          {v1alpha1.PodOptions{RuntimeClassName: "privileged"}, "runtimeClassName privileged"},
		"a pull secret":            {v1alpha1.PodOptions{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "theirs"}}}, "imagePullSecrets theirs"},
		"a toleration":             {v1alpha1.PodOptions{Tolerations: []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane"}}}, "tolerations node-role"},
		"a toleration of all":      {v1alpha1.PodOptions{Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}}, "tolerations of every taint"},
		"a label":                  {v1alpha1.PodOptions{Labels: map[string]string{"app": "database"}}, "labels app"},
		"a label of ours":          {v1alpha1.PodOptions{Labels: map[string]string{v1alpha1.LabelJobName: "other"}}, "labels training.swath.dev/job-name"},
		"an annotation":            {v1alpha1.PodOptions{Annotations: map[string]string{"container.apparmor.security.beta.kubernetes.io/train": "unconfined"}}, "annotations container.apparmor"},
		"the storage's URL":        {v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: contract.EnvStorageURL}}}, "env SWATH_STORAGE_URL"},
		"a proxy in small letters": {v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: "https_proxy"}}}, "env https_proxy"},
		"the loader":               {v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: "LD_PRELOAD"}}}, "env LD_PRELOAD"},
		"Python's path":            {v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: "PYTHONPATH"}}}, "env PYTHONPATH"},
		"the shell's start":        {v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: "ENV"}}}, "env ENV"},
		"devices":                  {v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: "NVIDIA_VISIBLE_DEVICES"}}}, "env NVIDIA_VISIBLE_DEVICES"},
		"Pods kept away":           {v1alpha1.PodOptions{Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{}}}, "affinity.podAntiAffinity"},
		"credentials":              {v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: "AWS_ENDPOINT_URL"}}}, "env AWS_ENDPOINT_URL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			job := makeJob()
			job.Spec.Pod = &c.pod
			_, err := pods.Make(job, v1alpha1.RoleTrain, 1, makeConfig())
			var refused *pods.NotAllowed
			if !errors.As(err, &refused) || refused.Reason != v1alpha1.ReasonPodNotAllowed || !strings.Contains(refused.Message, c.says) {
				t.Errorf("the error is %v, want %q", err, c.says)
			}
		})
	}
}

func TestWhatCannotWorkIsRefusedWhateverTheConfigurationAllows(t *testing.T) {
	limits := func(name corev1.ResourceName, quantity string) v1alpha1.PodOptions {
		return v1alpha1.PodOptions{Resources: &corev1.ResourceRequirements{Limits: corev1.ResourceList{name: resource.MustParse(quantity)}}}
	}
	cases := map[string]struct {
		pod  v1alpha1.PodOptions
		says string
	}{
		"claims":                   {v1alpha1.PodOptions{Resources: &corev1.ResourceRequirements{Claims: []corev1.ResourceClaim{{Name: "gpu"}}}}, "spec.pod.resources.claims"},
		"no limit of memory":       {limits("memory", "0"), "spec.pod.resources.limits.memory is 0"},
		"half a byte":              {limits("memory", "512m"), "spec.pod.resources.limits.memory is 512m, a fraction of a byte: did you mean 512Mi?"},
		"too little memory":        {limits("memory", "79Mi"), "needs at least 80Mi"},
		"half a device":            {limits("nvidia.com/gpu", "500m"), "a part of a device"},
		"an unknown resource":      {limits("gpu", "1"), "did you mean nvidia.com/gpu?"},
		"a label that is none":     {v1alpha1.PodOptions{Labels: map[string]string{"a b": "c"}}, "spec.pod.labels"},
		"a value that is none":     {v1alpha1.PodOptions{NodeSelector: map[string]string{"a": "b c"}}, "spec.pod.nodeSelector"},
		"an annotation of no name": {v1alpha1.PodOptions{Annotations: map[string]string{"": "c"}}, "spec.pod.annotations"},
		"a class that is none":     {v1alpha1.PodOptions{PriorityClassName: "Very High"}, "spec.pod.priorityClassName"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			settings, job := makeConfig(), makeJob()
			all := []string{"*"}
			settings.Allow = config.Allow{PriorityClassNames: all, LabelPrefixes: all, AnnotationPrefixes: all}
			job.Spec.Pod = &c.pod
			var refused *pods.NotAllowed
			if err := pods.Check(job, settings); !errors.As(err, &refused) || refused.Reason != v1alpha1.ReasonInvalidSpec || !strings.Contains(refused.Message, c.says) {
				t.Errorf("the error is %v, want %q", err, c.says)
			}
		})
	}
}

// Kubernetes refuses a request of devices that differs from the limit: the configured
// one gives way to the job's.
func TestAJobsDevicesTakeThePlaceOfTheConfigured(t *testing.T) {
	for _, count := range []string{"1", "4"} {
		settings, job := makeConfig(), makeJob()
		two := corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("2")}
		settings.Train.Resources.Requests, settings.Train.Resources.Limits = merged(settings.Train.Resources.Requests, two), merged(settings.Train.Resources.Limits, two)
		job.Spec.Pod = &v1alpha1.PodOptions{Resources: &corev1.ResourceRequirements{Limits: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse(count)}}}
		r := mustMake(t, job, v1alpha1.RoleTrain, settings).Spec.Containers[0].Resources
		if request, limit := r.Requests["nvidia.com/gpu"], r.Limits["nvidia.com/gpu"]; request.String() != count || limit.String() != count {
			t.Errorf("of %s devices the Pod requests %s with a limit of %s", count, request.String(), limit.String())
		}
	}
}

func merged(lists ...corev1.ResourceList) corev1.ResourceList {
	all := corev1.ResourceList{}
	for _, list := range lists {
		maps.Copy(all, list)
	}
	return all
}

func TestAVolumeIsReadOnlyWhilePreparing(t *testing.T) {
	c := makeConfig()
	c.Storage = []config.Storage{{URL: "file:///swath/storage", PersistentVolumeClaim: "files"}}
	for role, readOnly := range map[string]bool{v1alpha1.RolePrepare: true, v1alpha1.RoleTrain: false} {
		for _, mount := range mustMake(t, makeJob(), role, c).Spec.Containers[0].VolumeMounts {
			if mount.MountPath == contract.StorageDir && mount.ReadOnly != readOnly {
				t.Errorf("in the %s Pod the volume's mount is %+v", role, mount)
			}
		}
	}
}

func TestWhatTheConfigurationListsIsAllowed(t *testing.T) {
	cases := map[string]struct {
		allow func(*config.Allow)
		job   func(*v1alpha1.TrainingJob)
		says  string
	}{
		"a variable of any name": {job: env("ENVIRONMENT")},
		"a variable that is listed": {
			allow: func(a *config.Allow) { a.EnvPrefixes = []string{"OMP_"} }, job: env("OMP_NUM_THREADS"),
		},
		"a variable that is not listed": {
			allow: func(a *config.Allow) { a.EnvPrefixes = []string{"OMP_"} }, job: env("PASSWORD"), says: "allow.envPrefixes",
		},
		"a variable that steers, though all are listed": {
			allow: func(a *config.Allow) { a.EnvPrefixes = []string{"*"} }, job: env("AWS_PROFILE"), says: "env AWS_PROFILE",
		},
		"nodes": {job: func(j *v1alpha1.TrainingJob) {
			j.Spec.Pod = &v1alpha1.PodOptions{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}}
		}},
		"no device": {job: func(j *v1alpha1.TrainingJob) {
			j.Spec.Pod = &v1alpha1.PodOptions{Resources: &corev1.ResourceRequirements{Limits: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("0")}}}
		}},
		"Kueue's priority that is not listed": {job: kueue, says: "allow.priorityClassNames"},
		"Kueue's priority that is listed": {
			allow: func(a *config.Allow) { a.PriorityClassNames = []string{"urgent"} }, job: kueue,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			settings, job := makeConfig(), makeJob()
			settings.Kueue.Enabled = true
			if c.allow != nil {
				c.allow(&settings.Allow)
			}
			c.job(job)
			err := pods.Check(job, settings)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v, want %q", err, c.says)
			}
		})
	}
}

// Keys of Kueue are refused wherever they stand, though everything else is allowed.
func TestKeysOfKueueAreRefusedEverywhere(t *testing.T) {
	settings := makeConfig()
	settings.Allow = config.Allow{LabelPrefixes: []string{"*"}, AnnotationPrefixes: []string{"*"}, TolerationKeys: []string{"*"}, Affinity: []string{"*"}}
	one := map[string]string{"kueue.x-k8s.io/queue-name": "team"}
	resource := corev1.ResourceList{"kueue.x-k8s.io/quota": resource.MustParse("1")}
	for name, options := range map[string]v1alpha1.PodOptions{
		"labels":             {Labels: one},
		"annotations":        {Annotations: map[string]string{"provreq.kueue.x-k8s.io/class": "spot"}},
		"nodeSelector":       {NodeSelector: one},
		"tolerations":        {Tolerations: []corev1.Toleration{{Key: "kueue.x-k8s.io/queue-name"}}},
		"resources.requests": {Resources: &corev1.ResourceRequirements{Requests: resource}},
		"resources.limits":   {Resources: &corev1.ResourceRequirements{Limits: resource}},
	} {
		checkKueueRefused(t, settings, name, &options)
	}
	for name, affinity := range kueueAffinities("kueue.x-k8s.io/queue-name") {
		field, _, _ := strings.Cut(name, ",")
		checkKueueRefused(t, settings, field, &v1alpha1.PodOptions{Affinity: &affinity})
	}
	for name, affinity := range kueueAffinities("example.com/zone") {
		job := makeJob()
		job.Spec.Pod = &v1alpha1.PodOptions{Affinity: &affinity}
		if err := pods.Check(job, settings); err != nil {
			t.Errorf("%s: a key of another domain is refused: %v", name, err)
		}
	}
	job := makeJob()
	job.Spec.Pod = &v1alpha1.PodOptions{Labels: map[string]string{"notkueue.x-k8s.io/queue-name": "team"}}
	if err := pods.Check(job, settings); err != nil {
		t.Errorf("a key of another domain is refused: %v", err)
	}
}

func checkKueueRefused(t *testing.T, settings *config.Config, field string, options *v1alpha1.PodOptions) {
	t.Helper()
	job := makeJob()
	job.Spec.Pod = options
	var refused *pods.NotAllowed
	if err := pods.Check(job, settings); !errors.As(err, &refused) || !strings.Contains(refused.Message, "spec.pod."+field) {
		t.Errorf("%s %+v: the error is %v", field, options, err)
	}
}

// The Pod of a job that Kueue queues cannot start unless Kueue admits it, and what says
// that it is queued stands where nobody can change it. The cache keeps that.
func TestTheTrainPodOfAQueueIsMadeGated(t *testing.T) {
	settings := makeConfig()
	settings.Kueue.Enabled = true
	queued := makeJob()
	queued.Labels = map[string]string{v1alpha1.KueueQueueLabel: "team"}
	for name, job := range map[string]*v1alpha1.TrainingJob{"in a queue": queued, "in none": makeJob()} {
		pod, err := pods.Make(job, v1alpha1.RoleTrain, 1, settings)
		if err != nil {
			t.Fatal(err)
		}
		want := name == "in a queue"
		gated := len(pod.Spec.SchedulingGates) == 1 && pod.Spec.SchedulingGates[0].Name == "kueue.x-k8s.io/admission"
		pod.Labels[v1alpha1.KueueQueueLabel] = "another"
		if gated != want || lifecycle.ReadPod(pod).QueuedByKueue != want || lifecycle.ReadPod(pods.Slim(pod)).QueuedByKueue != want {
			t.Errorf("a job %s has a Pod with the gates %v that counts as queued: %t", name, pod.Spec.SchedulingGates, lifecycle.ReadPod(pod).QueuedByKueue)
		}
	}
}

func env(name string) func(*v1alpha1.TrainingJob) {
	return func(j *v1alpha1.TrainingJob) {
		j.Spec.Pod = &v1alpha1.PodOptions{Env: []v1alpha1.EnvVar{{Name: name, Value: "x"}}}
	}
}

func kueue(j *v1alpha1.TrainingJob) {
	j.Labels = map[string]string{v1alpha1.KueueQueueLabel: "team", v1alpha1.KueuePriorityLabel: "urgent"}
}

func TestEveryStageKnowsTheUIDOfItsNamespace(t *testing.T) {
	for _, role := range []string{v1alpha1.RolePrepare, v1alpha1.RoleTrain} {
		pod, err := pods.Make(makeJob(), role, 1, makeConfig())
		if err != nil {
			t.Fatal(err)
		}
		pods.SetNamespaceUID(pod, "uid")
		for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			if !slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == contract.EnvNamespaceUID && e.Value == "uid" }) {
				t.Errorf("%s: the container %s does not know the UID", role, c.Name)
			}
		}
	}
}

// Where a container has no limit of ephemeral storage, Kubernetes would give what its node
// has as the limit, and a file that is larger would end the job for good.
func TestTheLimitOfEphemeralStorageIsToldOnlyWhereThereIsOne(t *testing.T) {
	told := func(c *corev1.Container) bool {
		return slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == contract.EnvEphemeralStorageLimit })
	}
	limits := corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("4Gi")}
	for name, test := range map[string]struct {
		configured, asked       bool
		wantDownload, wantTrain bool
	}{
		"nobody sets one":        {false, false, false, false},
		"the configuration does": {true, false, true, true},
		"the job does":           {false, true, false, true},
	} {
		c, job := makeConfig(), makeJob()
		if !test.configured {
			delete(c.Prepare.Resources.Limits, corev1.ResourceEphemeralStorage)
			delete(c.Train.Resources.Limits, corev1.ResourceEphemeralStorage)
		}
		if test.asked {
			job.Spec.Pod = &v1alpha1.PodOptions{Resources: &corev1.ResourceRequirements{Limits: limits}}
		}
		download := told(&mustMake(t, job, v1alpha1.RolePrepare, c).Spec.InitContainers[0])
		train := told(&mustMake(t, job, v1alpha1.RoleTrain, c).Spec.Containers[0])
		if download != test.wantDownload || train != test.wantTrain {
			t.Errorf("%s: download is told: %t, train: %t", name, download, train)
		}
	}
}
