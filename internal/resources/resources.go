// Package resources checks the requests and limits of a container: what Kubernetes
// refuses, and what it takes though no container can work with it.
package resources

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Check returns the first fault of requests and limits. leastMemory is what the
// container needs at least, in bytes. The sentence begins with the field, such as
// limits.memory, and ends with what to do.
func Check(r *corev1.ResourceRequirements, leastMemory int64) error {
	lists := []struct {
		field string
		list  corev1.ResourceList
	}{{"limits", r.Limits}, {"requests", r.Requests}}
	for _, l := range lists {
		for _, name := range slices.Sorted(maps.Keys(l.list)) {
			field, q := l.field+"."+string(name), l.list[name]
			if err := checkName(field, name); err != nil {
				return err
			}
			if err := CheckQuantity(field, name, q); err != nil {
				return err
			}
		}
	}
	if err := checkLimits(r.Limits, leastMemory); err != nil {
		return err
	}
	return checkRequests(r)
}

// Overcommits reports whether a node may promise more of the resource than it has, so
// that a container's request may be below its limit. Devices and huge pages are given
// to one container alone.
func Overcommits(name corev1.ResourceName) bool {
	return slices.Contains(native, name)
}

// native are the resources of every node that have no size in their name.
var native = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage}

// checkName refuses what the API server would: names without a domain are Kubernetes'
// own, and those of quotas are no resources of a container.
func checkName(field string, name corev1.ResourceName) error {
	text := string(name)
	if slices.Contains(native, name) {
		return nil
	}
	if size, huge := strings.CutPrefix(text, corev1.ResourceHugePagesPrefix); huge {
		if q, err := resource.ParseQuantity(size); err != nil || q.Sign() <= 0 {
			return fmt.Errorf("%s has no size of pages in its name: name one that the nodes have, such as hugepages-2Mi", field)
		}
		return nil
	}
	if !strings.Contains(text, "/") {
		return fmt.Errorf("%s is not a resource that Kubernetes knows: %s", field, instead(text))
	}
	quota := strings.HasPrefix(text, corev1.DefaultResourceRequestsPrefix)
	if faults := validation.IsQualifiedName(text); len(faults) > 0 || quota {
		return fmt.Errorf("%s is not the name of a device: give it as the node's device plugin does, such as nvidia.com/gpu", field)
	}
	return nil
}

// instead proposes a name that Kubernetes knows.
func instead(name string) string {
	proposals := map[string]string{
		"gpu": "nvidia.com/gpu", "gpus": "nvidia.com/gpu", "nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu", "tpu": "google.com/tpu",
		"mem": "memory", "ram": "memory", "cpus": "cpu", "cores": "cpu", "disk": "ephemeral-storage", "storage": "ephemeral-storage",
		"memory": "memory", "cpu": "cpu",
	}
	if proposal := proposals[strings.ToLower(name)]; proposal != "" {
		return fmt.Sprintf("did you mean %s?", proposal)
	}
	return "there are cpu, memory, ephemeral-storage, hugepages-SIZE, and devices with the domain of their maker, such as nvidia.com/gpu"
}

// CheckQuantity refuses a quantity of the resource that is negative, that Kubernetes
// cannot count, or a part of what has none.
func CheckQuantity(field string, name corev1.ResourceName, q resource.Quantity) error {
	if q.Sign() < 0 {
		return fmt.Errorf("%s is %s and must not be negative", field, q.String())
	}
	// A greater one is cut to the greatest when it is read.
	most := resource.NewQuantity(math.MaxInt64, resource.DecimalSI)
	if name == corev1.ResourceCPU {
		most = resource.NewMilliQuantity(math.MaxInt64, resource.DecimalSI)
	}
	if q.Cmp(*most) >= 0 {
		return fmt.Errorf("%s is more than Kubernetes can count (%s): give at most what a node has", field, most.String())
	}
	if name == corev1.ResourceCPU || whole(q) {
		return nil
	}
	if Overcommits(name) || strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix) {
		return fmt.Errorf("%s is %s, a fraction of a byte%s", field, q.String(), meantMebibytes(q))
	}
	return fmt.Errorf("%s is %s, a part of a device: Kubernetes gives whole ones; ask for %d", field, q.String(), q.Value())
}

// whole reports whether the quantity is a whole number. Value rounds up.
func whole(q resource.Quantity) bool {
	return q.Cmp(*resource.NewQuantity(q.Value(), q.Format)) == 0
}

// meantMebibytes proposes the Mi that m was likely meant to be.
func meantMebibytes(q resource.Quantity) string {
	if number, milli := strings.CutSuffix(q.String(), "m"); milli {
		return fmt.Sprintf(": did you mean %sMi?", number)
	}
	return ": give whole bytes, such as 4Gi"
}

// checkLimits refuses limits of 0, which Kubernetes takes for none, and memory that is
// not enough.
func checkLimits(limits corev1.ResourceList, leastMemory int64) error {
	for _, name := range native {
		if limit, there := limits[name]; there && limit.IsZero() {
			return fmt.Errorf("limits.%s is 0 and must be greater than 0: leave it out for the configured one", name)
		}
	}
	memory, there := limits[corev1.ResourceMemory]
	if !there || memory.Value() >= leastMemory {
		return nil
	}
	least := resource.NewQuantity(leastMemory, resource.BinarySI)
	return fmt.Errorf("limits.memory is %s, and the trainer needs at least %s: %s", memory.String(), least.String(), moreMemory(memory, *least))
}

// moreMemory proposes the unit that a bare number was likely meant to have.
func moreMemory(memory, least resource.Quantity) string {
	for _, unit := range []string{"Mi", "Gi"} {
		meant, err := resource.ParseQuantity(memory.String() + unit)
		if err == nil && meant.Cmp(least) >= 0 && memory.Value() < 1<<10 {
			return fmt.Sprintf("did you mean %s?", meant.String())
		}
	}
	return "raise it"
}

// checkRequests refuses a request above its limit, and requests of devices that differ
// from it.
func checkRequests(r *corev1.ResourceRequirements) error {
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		limit, limited := r.Limits[name]
		switch {
		case !Overcommits(name) && (!limited || request.Cmp(limit) != 0):
			return fmt.Errorf("requests.%s is %s and limits.%s is %s: Kubernetes does not share these, give the same in both, or limits only", name, request.String(), name, given(limit, limited))
		case limited && request.Cmp(limit) > 0:
			return fmt.Errorf("requests.%s is %s, above limits.%s, which is %s: raise the limit, or lower the request", name, request.String(), name, limit.String())
		}
	}
	return nil
}

func given(q resource.Quantity, there bool) string {
	if !there {
		return "not given"
	}
	return q.String()
}
