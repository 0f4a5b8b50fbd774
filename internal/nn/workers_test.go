package nn

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestEveryTaskIsDoneOnce has several plans' jobs at the same time, more and fewer workers than tasks, and many jobs in a row.
func TestEveryTaskIsDoneOnce(t *testing.T) {
	hire(4)
	var plans sync.WaitGroup
	for range 3 {
		plans.Go(func() {
			j := newJob()
			for round := range 3000 {
				workers, tasks := 1+round%5, 1+round%11
				counts := make([]atomic.Int32, tasks)
				busy := make([]atomic.Int32, workers)
				j.run(workers, tasks, func(worker, task int) {
					if busy[worker].Add(1) != 1 {
						t.Error("two tasks run with the same worker's number")
					}
					counts[task].Add(1)
					busy[worker].Add(-1)
				})
				for i := range counts {
					if n := counts[i].Load(); n != 1 {
						t.Errorf("task %d of %d was done %d times", i, tasks, n)
					}
				}
			}
		})
	}
	plans.Wait()
}

// TestPlansWorkAtTheSameTime trains on one goroutine and predicts on others.
func TestPlansWorkAtTheSameTime(t *testing.T) {
	want := runHash(t, networks["plain classifier"], KernelName(), 3, 8, 8)
	var plans sync.WaitGroup
	results := make([]string, 4)
	for i := range results {
		plans.Go(func() { results[i] = runHash(t, networks["plain classifier"], KernelName(), 3, 8, 8) })
	}
	plans.Wait()
	for _, got := range results {
		if got != want {
			t.Errorf("%s beside others, and %s alone", got, want)
		}
	}
}
