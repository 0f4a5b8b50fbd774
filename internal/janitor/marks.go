package janitor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// marks tell whose janitor cleans a storage, and since when nothing has referred to the checkpoints of a job, to a model, or to
// what is left of one.
type marks struct {
	Cluster     string               `json:"cluster"`
	Checkpoints map[string]time.Time `json:"checkpoints"`
	Models      map[string]time.Time `json:"models"`
	Parts       map[string]time.Time `json:"parts"`
	Strays      map[string]time.Time `json:"strays"`
	Refused     map[string]time.Time `json:"refused"`
	Entries     map[string]time.Time `json:"entries"`
}

func newMarks(cluster string) marks {
	return marks{Cluster: cluster, Checkpoints: map[string]time.Time{}, Models: map[string]time.Time{}, Parts: map[string]time.Time{}, Strays: map[string]time.Time{},
		Refused: map[string]time.Time{}, Entries: map[string]time.Time{}}
}

func (m marks) count() int {
	return len(m.Checkpoints) + len(m.Models) + len(m.Parts) + len(m.Strays) + len(m.Refused) + len(m.Entries)
}

// ForeignError is storage that the janitor of another cluster cleans.
type ForeignError struct{ Location, Cluster, Ours string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s belongs to the cluster whose namespace kube-system has the UID %s, and this one's is %s: nothing is removed, since only that cluster knows "+
		"which jobs name the models in it. Give each cluster a bucket of its own, or, if that cluster is gone or was restored as this one, run the janitor once with --take-over",
		e.Location, e.Cluster, e.Ours)
}

// claim reads the marks, and reports whether the storage is this cluster's. Storage that is nobody's becomes this cluster's, and
// its namespace's, as soon as something is in it. Nothing is written before it is known that nobody else's storage is written to.
func (c *cleaner) claim(ctx context.Context) (ours bool, err error) {
	data, err := c.store.JanitorMarks(ctx)
	if err != nil {
		return false, err
	}
	if data != nil {
		if err := json.Unmarshal(data, &c.before); err != nil {
			return false, fmt.Errorf("reading what the janitor has marked in %s: %w", c.store.Location(""), err)
		}
	}
	if ours, err := c.mayClaim(ctx); err != nil || !ours {
		return false, err
	}
	if c.options.UID != "" {
		if err := c.store.CheckOwner(ctx, c.options.UID); err != nil {
			return false, err
		}
	}
	if former := c.before.Cluster; former != c.options.Cluster {
		if former != "" {
			c.log.Warn("taking storage over from another cluster", "cluster", former)
			// What the other cluster's jobs did not name counts from now on anew.
			c.before = newMarks(c.options.Cluster)
		}
		c.before.Cluster = c.options.Cluster
		// Of two clusters that clean it first at once only one can.
		if err := c.write(ctx, c.before, data == nil); err != nil {
			return false, err
		}
	}
	if c.options.UID == "" || c.options.DryRun {
		return true, nil
	}
	return true, c.store.Claim(ctx, c.options.UID)
}

// mayClaim reports whether the marks that were read allow this cluster's janitor to clean.
func (c *cleaner) mayClaim(ctx context.Context) (bool, error) {
	switch {
	case c.before.Cluster == c.options.Cluster:
		return true, nil
	case c.options.OnlyClaimed:
		return false, nil
	case c.before.Cluster == "":
		empty, err := c.store.IsEmpty(ctx)
		return err == nil && !empty, err
	case c.options.TakeOver:
		return true, nil
	}
	return false, &ForeignError{Location: c.store.Location(""), Cluster: c.before.Cluster, Ours: c.options.Cluster}
}

// keepMarks keeps what is marked now, unless nothing was and nothing is.
func (c *cleaner) keepMarks(ctx context.Context) error {
	if c.before.count()+c.after.count() == 0 {
		return nil
	}
	return c.write(ctx, c.after, false)
}

func (c *cleaner) write(ctx context.Context, m marks, first bool) error {
	if c.options.DryRun {
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding what the janitor has marked: %w", err)
	}
	return c.store.PutJanitorMarks(ctx, data, first)
}
