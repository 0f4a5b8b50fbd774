package nn

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
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

// crew is the lasting goroutines that all plans share, as many as the widest plan asked for beside its caller. It works on one job at a
// time; a plan that finds it busy does its job alone. Between jobs the goroutines look out for the next for a moment, since the stages of
// a step follow each other closely, and then sleep.
var crew struct {
	sync.Mutex // Held by the plan whose job is being done.
	helpers    atomic.Pointer[[]*helper]
	job        atomic.Pointer[job]
	epoch      atomic.Uint64 // Goes up with each job.
}

type helper struct {
	worker int
	asleep atomic.Bool
	wake   chan struct{}
}

// lookout is how long a goroutine waits for others before it sleeps: some times what it costs to be woken.
const lookout = 50 * time.Microsecond

// hire makes sure that so many goroutines help beside the caller.
func hire(count int) {
	crew.Lock()
	defer crew.Unlock()
	var all []*helper
	if have := crew.helpers.Load(); have != nil {
		all = append(all, *have...)
	}
	for len(all) < count {
		h := &helper{worker: len(all) + 1, wake: make(chan struct{}, 1)}
		all = append(all, h)
		go h.help()
	}
	crew.helpers.Store(&all)
}

func (h *helper) help() {
	seen := uint64(0)
	for {
		seen = h.next(seen)
		j := crew.job.Load()
		if j == nil || !j.join() {
			continue
		}
		if h.worker < j.workers { // To be read only by those who have joined.
			j.work(h.worker)
		}
		j.leave()
	}
}

// next waits for an epoch after the one that was seen.
func (h *helper) next(seen uint64) uint64 {
	if spin(func() bool { return crew.epoch.Load() != seen }) {
		return crew.epoch.Load()
	}
	h.asleep.Store(true)
	for crew.epoch.Load() == seen {
		<-h.wake
	}
	h.asleep.Store(false)
	return crew.epoch.Load()
}

// spin waits for a condition as long as the lookout, and says whether it came true.
func spin(met func() bool) bool {
	start := time.Now()
	for {
		for range 64 {
			if met() {
				return true
			}
		}
		if time.Since(start) > lookout {
			return false
		}
		runtime.Gosched()
	}
}

// job is a loop whose rounds are taken by whoever is free.
type job struct {
	task    func(worker, task int)
	tasks   int64
	workers int
	next    atomic.Int64
	state   atomic.Uint32 // The number of helpers at work, and jobClosed when no more may join.
	done    chan struct{} // Gets a token from the last to leave a closed job.
}

const jobClosed = 1 << 31

func newJob() *job {
	j := &job{done: make(chan struct{}, 1)}
	j.state.Store(jobClosed)
	return j
}

func (j *job) join() bool {
	for {
		s := j.state.Load()
		if s&jobClosed != 0 {
			return false
		}
		if j.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

func (j *job) leave() {
	if j.state.Add(^uint32(0)) == jobClosed {
		j.done <- struct{}{}
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
// apart that run at the same time.
func (j *job) run(workers, tasks int, task func(worker, task int)) {
	j.task, j.tasks, j.workers = task, int64(tasks), min(workers, tasks)
	j.next.Store(0)
	if j.workers <= 1 || !crew.TryLock() {
		j.work(0)
		return
	}
	j.state.Store(0)
	crew.job.Store(j)
	crew.epoch.Add(1)
	for _, h := range (*crew.helpers.Load())[:j.workers-1] {
		if h.asleep.Load() {
			select {
			case h.wake <- struct{}{}:
			default: // It has been woken already.
			}
		}
	}
	j.work(0)
	if j.state.Or(jobClosed) != 0 {
		spin(func() bool { return j.state.Load() == jobClosed })
		<-j.done
	}
	crew.Unlock()
}
