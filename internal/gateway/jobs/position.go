package jobs

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// ErrNoSuchCursor means that what to continue a list after is neither a cursor nor the ID of a job that is known.
var ErrNoSuchCursor = errors.New("no training job to continue after")

// position is a job's place in lists, which go from the newest to the oldest. It holds also when the job is gone.
type position struct {
	// created is when the job was made, in Unix seconds as Kubernetes has it.
	created int64
	uid     types.UID
}

func positionOf(job *v1alpha1.TrainingJob) position {
	return position{created: job.CreationTimestamp.Unix(), uid: job.UID}
}

// compare is negative where p comes before other in lists.
func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(other.created, p.created), cmp.Compare(p.uid, other.uid))
}

// cursorPrefix tells cursors from the IDs of jobs.
const cursorPrefix = "after-"

// String is the position as a cursor, which clients pass back as it is.
func (p position) String() string {
	return cursorPrefix + base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.created, 10)+" "+string(p.uid)))
}

func parseCursor(text string) (position, bool) {
	encoded, ok := strings.CutPrefix(text, cursorPrefix)
	if !ok {
		return position{}, false
	}
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return position{}, false
	}
	seconds, uid, ok := strings.Cut(string(data), " ")
	created, err := strconv.ParseInt(seconds, 10, 64)
	return position{created: created, uid: types.UID(uid)}, ok && err == nil && uid != ""
}

// positionAfter is the place that a list is to be continued after: a cursor, or the ID of a job, which this replica may not have
// seen yet, or which may be gone since the page before.
func (j *Jobs) positionAfter(ctx context.Context, namespace, after string) (position, error) {
	if p, ok := parseCursor(after); ok {
		return p, nil
	}
	cached, err := j.all(ctx, client.InNamespace(namespace), client.MatchingFields{indexID: after})
	if err != nil {
		return position{}, err
	}
	for i := range cached {
		if ID(&cached[i]) == after {
			return positionOf(&cached[i]), nil
		}
	}
	if known, ok := j.gone.Get(key{namespace, after}); ok {
		if p, ok := known.(position); ok {
			return p, nil
		}
	}
	job, err := j.search(ctx, namespace, after)
	if errors.Is(err, ErrNotFound) {
		return position{}, ErrNoSuchCursor
	}
	if err != nil {
		return position{}, err
	}
	return positionOf(job), nil
}
