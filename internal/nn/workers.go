package nn

import (
	"runtime"
	"sync"
	"sync/atomic"
)

var workersDefault atomic.Int64

// SetWorkers sets how many goroutines plans made from now on use at the same time when their configuration does not say; below 1 it is
// GOMAXPROCS, as it is from the start.
func SetWorkers(n int) { workersDefault.Store(int64(max(n, 0))) }

func defaultWorkers() int {
	if n := int(workersDefault.Load()); n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// crew is the lasting goroutines that all plans share. They sleep between jobs and are never stopped; there are at most as many as the
// widest plan asked for.
var crew = struct {
	sync.Mutex
	size int
	jobs chan *job
}{jobs: make(chan *job, 1024)}

// job is a loop whose rounds are taken by whoever is free.
type job struct {
	task  func(worker, task int)
	tasks int64
	next  atomic.Int64
	names atomic.Int64
	done  sync.WaitGroup
}

// hire makes sure that so many goroutines help beside the caller.
func hire(helpers int) {
	crew.Lock()
	defer crew.Unlock()
	for ; crew.size < helpers; crew.size++ {
		go func() {
			for j := range crew.jobs {
				j.work(int(j.names.Add(1)))
				j.done.Done()
			}
		}()
	}
}

func (j *job) work(worker int) {
	for {
		task := j.next.Add(1) - 1
		if task >= j.tasks {
			return
		}
		j.task(worker, int(task))
	}
}

// run calls task for each number below tasks, with at most workers at the same time, and returns when all are done. worker tells those
// apart that run at the same time. j is the caller's, so that nothing is allocated.
func (j *job) run(workers, tasks int, task func(worker, task int)) {
	j.task, j.tasks = task, int64(tasks)
	j.next.Store(0)
	j.names.Store(0)
	helpers := min(workers, tasks) - 1
	for range helpers {
		j.done.Add(1)
		crew.jobs <- j
	}
	j.work(0)
	j.done.Wait()
}
