// Package queue decides which jobs may train at a time: limits for the cluster
// and for each namespace, first by priority, then by age.
package queue

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Job is what the queue has to know of a job.
type Job struct {
	UID  types.UID
	Name types.NamespacedName
	// Priority is the value of the job's priority class.
	Priority int32
	// Created is when the job was made: the older go first.
	Created time.Time
	// Refused is set while the job's Pod is refused: a slot would only have it tried
	// again.
	Refused bool
}

// Answer is what the queue says to a job that asks to train.
type Answer struct {
	// Granted means that the job has a slot until it is released.
	Granted bool
	// Position is the job's place among those that wait, from 1.
	Position int32
	// Limit says which limit holds the job, in a sentence.
	Limit string
}

// Ledger is the queue's one account of who trains and who waits. It is in memory
// and rebuilt when leadership begins. It is safe for concurrent use.
type Ledger struct {
	total        int
	perNamespace int

	mu      sync.Mutex
	holding map[types.UID]Job
	// waiting is in the order in which jobs go, and queued tells what is in it.
	waiting []Job
	queued  map[types.UID]Job
	inSpace map[string]int
	// byName are the UIDs of all entries by the names of their jobs: a job that was
	// made again has the name of one that is gone.
	byName map[types.NamespacedName][]types.UID
}

// NewLedger is a ledger without entries; a limit of 0 is none.
func NewLedger(total, perNamespace int) *Ledger {
	return &Ledger{
		total: total, perNamespace: perNamespace,
		holding: map[types.UID]Job{}, queued: map[types.UID]Job{}, inSpace: map[string]int{},
		byName: map[types.NamespacedName][]types.UID{},
	}
}

// Hold puts down that the job trains: its start is recorded, so that it keeps its
// slot even if that is over a limit.
func (l *Ledger) Hold(job Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold(job)
}

func (l *Ledger) hold(job Job) {
	l.dequeue(job.UID)
	l.note(job)
	if _, there := l.holding[job.UID]; !there {
		l.inSpace[job.Name.Namespace]++
	}
	l.holding[job.UID] = job
}

// Ask gives the job a slot if there is one for it, and its place otherwise. A job
// gets none while another that comes before it could take it. It also gives the
// jobs whose places have changed by it, as far as places are shown.
func (l *Ledger) Ask(job Job) (Answer, []types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, holds := l.holding[job.UID]; holds {
		l.holding[job.UID] = job
		return Answer{Granted: true}, nil
	}
	if l.total == 0 && l.perNamespace == 0 {
		l.hold(job)
		return Answer{Granted: true}, nil
	}
	waited := l.enqueue(job)
	answer := Answer{Limit: l.limit(job.Name.Namespace)}
	l.walk(func(position int, other Job, room bool) bool {
		if other.UID != job.UID {
			return true
		}
		answer.Granted, answer.Position = room, int32(position)
		return false
	})
	if answer.Granted {
		l.hold(job)
		answer = Answer{Granted: true}
	}
	if waited == answer.Granted {
		return answer, l.others(job.UID)
	}
	return answer, nil
}

// others are the jobs that show their places, without the given one.
func (l *Ledger) others(uid types.UID) []types.NamespacedName {
	var names []types.NamespacedName
	for _, job := range l.waiting[:min(len(l.waiting), shown)] {
		if job.UID != uid {
			names = append(names, job.Name)
		}
	}
	return names
}

// Release takes the job out of the ledger. It gives the jobs that wait, in order,
// if they may have moved up by it.
func (l *Ledger) Release(uid types.UID) []types.NamespacedName {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.release(uid) {
		return nil
	}
	return l.next()
}

// Yield gives the slot of a job that cannot use it to the next in line that it would
// be of use to, and gives the jobs to wake. Without such a one the job keeps it.
func (l *Ledger) Yield(uid types.UID) []types.NamespacedName {
	l.mu.Lock()
	defer l.mu.Unlock()
	heir, there := l.heir(uid)
	if !there {
		return nil
	}
	l.release(uid)
	l.hold(heir)
	return append(l.next(), heir.Name)
}

// Wanted tells whether Yield would give the job's slot to another.
func (l *Ledger) Wanted(uid types.UID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, there := l.heir(uid)
	return there
}

// heir is the first that waits and has room once that job gives its slot back, and
// not before. A refused job is no heir of another: the two would hand the slot to and
// fro.
func (l *Ledger) heir(uid types.UID) (Job, bool) {
	giver, holds := l.holding[uid]
	if !holds {
		return Job{}, false
	}
	for _, job := range l.waiting {
		namespace := job.Name.Namespace
		if l.free() != 0 && l.roomIn(namespace) || giver.Refused && job.Refused {
			continue
		}
		used := l.inSpace[namespace]
		if namespace == giver.Name.Namespace {
			used--
		}
		if (l.total == 0 || len(l.holding)-1 < l.total) && (l.perNamespace == 0 || used < l.perNamespace) {
			return job, true
		}
	}
	return Job{}, false
}

// Others are the UIDs of the entries of that name but the one with that UID: their
// jobs are gone, since a name is one job's. Without a UID it is all of them.
func (l *Ledger) Others(name types.NamespacedName, but types.UID) []types.UID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.byName[name]), func(uid types.UID) bool { return uid == but })
}

// release takes the job out, and tells whether it was in the ledger.
func (l *Ledger) release(uid types.UID) bool {
	job, held := l.holding[uid]
	if held {
		delete(l.holding, uid)
		if l.inSpace[job.Name.Namespace]--; l.inSpace[job.Name.Namespace] == 0 {
			delete(l.inSpace, job.Name.Namespace)
		}
	} else {
		job = l.queued[uid]
		if !l.dequeue(uid) {
			return false
		}
	}
	l.byName[job.Name] = slices.DeleteFunc(l.byName[job.Name], func(other types.UID) bool { return other == uid })
	if len(l.byName[job.Name]) == 0 {
		delete(l.byName, job.Name)
	}
	return true
}

// note puts down the name of an entry.
func (l *Ledger) note(job Job) {
	if !slices.Contains(l.byName[job.Name], job.UID) {
		l.byName[job.Name] = append(l.byName[job.Name], job.UID)
	}
}

// Holds tells whether the job has a slot.
func (l *Ledger) Holds(uid types.UID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, holds := l.holding[uid]
	return holds
}

// Waiting is how many jobs wait.
func (l *Ledger) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Ahead orders jobs: by priority, then by age, then by name.
func Ahead(a, b Job) int {
	return cmp.Or(
		cmp.Compare(b.Priority, a.Priority),
		a.Created.Compare(b.Created),
		cmp.Compare(a.Name.String(), b.Name.String()),
		cmp.Compare(a.UID, b.UID),
	)
}

// enqueue puts the job in its place among those that wait, and tells whether it
// was in that place already.
func (l *Ledger) enqueue(job Job) bool {
	if before, there := l.queued[job.UID]; there {
		if before == job {
			return true
		}
		l.dequeue(job.UID)
	}
	i, _ := slices.BinarySearchFunc(l.waiting, job, Ahead)
	l.waiting = slices.Insert(l.waiting, i, job)
	l.queued[job.UID] = job
	l.note(job)
	return false
}

// dequeue takes the job from those that wait, and tells whether it was there.
func (l *Ledger) dequeue(uid types.UID) bool {
	job, there := l.queued[uid]
	if !there {
		return false
	}
	delete(l.queued, uid)
	if i, found := slices.BinarySearchFunc(l.waiting, job, Ahead); found {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	return true
}

// walk visits those that wait, in order, with their place from 1 and whether there
// is room for them once all before them have taken theirs.
func (l *Ledger) walk(visit func(position int, job Job, room bool) bool) {
	free := l.free()
	taken := map[string]int{}
	for i, job := range l.waiting {
		namespace := job.Name.Namespace
		room := free != 0 && (l.perNamespace == 0 || l.inSpace[namespace]+taken[namespace] < l.perNamespace)
		if !visit(i+1, job, room) {
			return
		}
		if room {
			taken[namespace]++
			if free > 0 {
				free--
			}
		}
	}
}

// shown is how many places are told in status.
const shown = 10

// next is who to wake when a slot is free or the order has changed: the first ten,
// who see their place, and the first that has room now, who may be behind them.
func (l *Ledger) next() []types.NamespacedName {
	var names []types.NamespacedName
	l.walk(func(position int, job Job, room bool) bool {
		if position <= shown || room {
			names = append(names, job.Name)
		}
		return true
	})
	return names
}

// free is how many slots the cluster has left; -1 for no limit.
func (l *Ledger) free() int {
	if l.total == 0 {
		return -1
	}
	return max(0, l.total-len(l.holding))
}

func (l *Ledger) roomIn(namespace string) bool {
	return l.perNamespace == 0 || l.inSpace[namespace] < l.perNamespace
}

func (l *Ledger) limit(namespace string) string {
	if l.total == 0 || !l.roomIn(namespace) {
		return fmt.Sprintf("as many jobs of the namespace %s train as are allowed (%d)", namespace, l.perNamespace)
	}
	return fmt.Sprintf("as many jobs train as are allowed (%d); higher priorities and older jobs go first", l.total)
}
