package resources_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/internal/resources"
)

const least = 80 << 20

func TestWhatCannotWorkIsRefusedWithAProposal(t *testing.T) {
	cases := map[string]string{
		"{limits: {memory: 512m}}":                                   "limits.memory is 512m, a fraction of a byte: did you mean 512Mi?",
		"{requests: {memory: 512m}}":                                 "requests.memory is 512m, a fraction of a byte: did you mean 512Mi?",
		"{requests: {ephemeral-storage: 100u}}":                      "requests.ephemeral-storage is 100u, a fraction of a byte: give whole bytes, such as 4Gi",
		"{limits: {memory: 512}}":                                    "limits.memory is 512, and the trainer needs at least 80Mi: did you mean 512Mi?",
		"{limits: {memory: 4}}":                                      "limits.memory is 4, and the trainer needs at least 80Mi: did you mean 4Gi?",
		"{limits: {memory: 1Mi}}":                                    "limits.memory is 1Mi, and the trainer needs at least 80Mi: raise it",
		"{limits: {memory: 5000}}":                                   "limits.memory is 5k, and the trainer needs at least 80Mi: raise it",
		"{limits: {memory: 0}}":                                      "limits.memory is 0 and must be greater than 0: leave it out for the configured one",
		"{limits: {cpu: 0}}":                                         "limits.cpu is 0 and must be greater than 0: leave it out for the configured one",
		"{limits: {memory: -1Gi}}":                                   "limits.memory is -1Gi and must not be negative",
		`{requests: {memory: "9223372036854775808"}}`:                "requests.memory is more than Kubernetes can count (9223372036854775807): give at most what a node has",
		"{limits: {memory: 10E}}":                                    "limits.memory is more than Kubernetes can count (9223372036854775807): give at most what a node has",
		"{limits: {cpu: 1e16}}":                                      "limits.cpu is more than Kubernetes can count (9223372036854775807m): give at most what a node has",
		"{requests: {memory: 8Gi}, limits: {memory: 4Gi}}":           "requests.memory is 8Gi, above limits.memory, which is 4Gi: raise the limit, or lower the request",
		"{requests: {cpu: 3}, limits: {cpu: 2500m}}":                 "requests.cpu is 3, above limits.cpu, which is 2500m: raise the limit, or lower the request",
		"{limits: {nvidia.com/gpu: 500m}}":                           "limits.nvidia.com/gpu is 500m, a part of a device: Kubernetes gives whole ones; ask for 1",
		"{requests: {nvidia.com/gpu: 1}}":                            "requests.nvidia.com/gpu is 1 and limits.nvidia.com/gpu is not given: Kubernetes does not share these, give the same in both, or limits only",
		"{requests: {example.com/a: 1}, limits: {example.com/a: 2}}": "requests.example.com/a is 1 and limits.example.com/a is 2: Kubernetes does not share these, give the same in both, or limits only",
		"{limits: {gpu: 1}}":                                         "limits.gpu is not a resource that Kubernetes knows: did you mean nvidia.com/gpu?",
		"{requests: {Memory: 1Gi}}":                                  "requests.Memory is not a resource that Kubernetes knows: did you mean memory?",
		"{limits: {speed: 1}}":                                       "limits.speed is not a resource that Kubernetes knows: there are cpu, memory, ephemeral-storage, hugepages-SIZE, and devices with the domain of their maker, such as nvidia.com/gpu",
		"{limits: {requests.nvidia.com/gpu: 1}}":                     "limits.requests.nvidia.com/gpu is not the name of a device: give it as the node's device plugin does, such as nvidia.com/gpu",
		"{limits: {nvidia.com/g pu: 1}}":                             "limits.nvidia.com/g pu is not the name of a device: give it as the node's device plugin does, such as nvidia.com/gpu",
		"{limits: {hugepages-large: 1Gi}}":                           "limits.hugepages-large has no size of pages in its name: name one that the nodes have, such as hugepages-2Mi",
	}
	for text, want := range cases {
		if err := resources.Check(read(t, text), least); err == nil || err.Error() != want {
			t.Errorf("%s: the error is %v, want %q", text, err, want)
		}
	}
}

func TestWhatWorksIsTaken(t *testing.T) {
	for _, text := range []string{
		"{}", "{limits: {memory: 80Mi, cpu: 1m}}", "{limits: {memory: 1.5Gi, cpu: 0.5}, requests: {memory: 0, cpu: 100m}}",
		"{limits: {memory: 100Ti, ephemeral-storage: 1e12, hugepages-2Mi: 4Mi}, requests: {memory: 100Ti}}",
		"{limits: {nvidia.com/gpu: 1, amd.com/gpu: 0}, requests: {nvidia.com/gpu: 1}}", "{requests: {memory: 300Gi}}",
		"{limits: {memory: 100000000000m}}",
	} {
		if err := resources.Check(read(t, text), least); err != nil {
			t.Errorf("%s: the error is %v", text, err)
		}
	}
}

func read(t *testing.T, text string) *corev1.ResourceRequirements {
	t.Helper()
	var r corev1.ResourceRequirements
	if err := yaml.UnmarshalStrict([]byte(text), &r); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &r
}
