package controllers

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// listed is a client that lists these jobs.
type listed struct {
	client.Client
	jobs []v1alpha1.TrainingJob
}

func (l listed) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if jobs, ok := list.(*v1alpha1.TrainingJobList); ok {
		jobs.Items = l.jobs
	}
	return nil
}

// A slot's jobs are all asked when the workers manage that within the slot, however
// many more than workers they are; else the next slot is not held up.
func TestAllJobsOfASlotHaveTheirTurn(t *testing.T) {
	var jobs []v1alpha1.TrainingJob
	for i := 0; len(jobs) < 100; i++ {
		uid := types.UID(fmt.Sprint("uid-", i))
		if slotOf(uid) == 3 {
			jobs = append(jobs, v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Name: string(uid), UID: uid}})
		}
	}
	reader := &ProgressReader{Client: listed{jobs: jobs}}
	turns := make(chan types.NamespacedName)
	asked := make(chan int)
	go func() {
		count := 0
		for range turns {
			count++
		}
		asked <- count
	}()
	if err := reader.takeTurns(t.Context(), 3, time.Minute, turns); err != nil {
		t.Fatal(err)
	}
	close(turns)
	if count := <-asked; count != len(jobs) {
		t.Errorf("%d jobs had their turn, want %d", count, len(jobs))
	}
	if err := reader.takeTurns(t.Context(), 3, time.Millisecond, make(chan types.NamespacedName)); err != nil {
		t.Errorf("with all workers busy: %v", err)
	}
}
