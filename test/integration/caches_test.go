package integration

import (
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/controllers"
)

// caches are what watches have brought to the operator of one job and its Pods so
// far: of each some state of the past.
type caches struct {
	random *rand.Rand
	// jobs and podLists are the states that there were; nil is a job that is not there.
	jobs     []*v1alpha1.TrainingJob
	podLists []corev1.PodList
	jobAt    int
	podsAt   int
}

// happened takes down what there is now, for the caches to show some time.
func (c *caches) happened(job *v1alpha1.TrainingJob, pods corev1.PodList) {
	c.jobs, c.podLists = append(c.jobs, job), append(c.podLists, pods)
}

// lag moves both caches on: to the newest state two times in three, else by as much
// as they like. It tells whether any event on the way makes the operator reconcile.
func (c *caches) lag() (reconcile bool) {
	return c.moveTo(c.somewhere(c.jobAt, len(c.jobs)), c.somewhere(c.podsAt, len(c.podLists)))
}

// catchUp moves both caches to what there is.
func (c *caches) catchUp() (reconcile bool) { return c.moveTo(len(c.jobs)-1, len(c.podLists)-1) }

func (c *caches) somewhere(at, states int) int {
	if c.random.IntN(3) > 0 {
		return states - 1
	}
	return at + c.random.IntN(states-at)
}

func (c *caches) moveTo(job, pods int) (reconcile bool) {
	for ; c.jobAt < job; c.jobAt++ {
		reconcile = jobEvent(c.jobs[c.jobAt], c.jobs[c.jobAt+1]) || reconcile
	}
	for ; c.podsAt < pods; c.podsAt++ {
		reconcile = podEvents(c.podLists[c.podsAt], c.podLists[c.podsAt+1]) || reconcile
	}
	return reconcile
}

// get puts the cache's job into the object, and tells whether it is there.
func (c *caches) get(object client.Object) bool {
	job, ok := object.(*v1alpha1.TrainingJob)
	if !ok || c.jobs[c.jobAt] == nil {
		return false
	}
	c.jobs[c.jobAt].DeepCopyInto(job)
	return true
}

// jobEvent tells whether the operator is called for what has become of the job.
func jobEvent(before, after *v1alpha1.TrainingJob) bool {
	switch {
	case before == nil && after == nil:
		return false
	case before == nil || after == nil:
		return true
	}
	return updated(controllers.JobChanged(), before, after)
}

// podEvents tells whether the operator is called for what has become of the Pods.
func podEvents(before, after corev1.PodList) bool {
	known := map[types.UID]*corev1.Pod{}
	for i := range before.Items {
		known[before.Items[i].UID] = &before.Items[i]
	}
	called := false
	for i := range after.Items {
		pod := &after.Items[i]
		old := known[pod.UID]
		delete(known, pod.UID)
		called = called || old == nil || updated(controllers.PodChanged(), old, pod)
	}
	return called || len(known) > 0
}

func updated(passes predicate.Predicate, before, after client.Object) bool {
	if before.GetResourceVersion() == after.GetResourceVersion() {
		return false
	}
	return passes.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
}
