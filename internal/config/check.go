package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/resources"
)

// leastMemory is what a container needs at least, in bytes. What validating needs
// depends on the file alone.
var leastMemory = map[string]int64{"prepare": 0, "train": contract.LeastMemory}

// check finds what cannot work, all of it at once.
func (c *Config) check() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Trainer.Image == "" {
		add("trainer.image is required")
	}
	errs = append(errs, c.checkStorage()...)
	for name, shape := range map[string]PodShape{"prepare": c.Prepare.PodShape, "train": c.Train} {
		if shape.WorkDirSize.Sign() <= 0 {
			add("%s.workDirSize must be greater than 0", name)
		} else if err := resources.CheckQuantity(name+".workDirSize", corev1.ResourceEphemeralStorage, shape.WorkDirSize); err != nil {
			errs = append(errs, err)
		}
		if shape.Resources.Limits.Memory().IsZero() {
			add("%s.resources.limits.memory is required: the trainer keeps to it", name)
		} else if err := resources.Check(&shape.Resources, leastMemory[name]); err != nil {
			add("%s.resources.%w", name, err)
		}
	}
	if c.Prepare.Timeout.Duration < 0 {
		add("prepare.timeout must not be negative; 0 is no limit")
	}
	if c.Limits.RunningJobs < 0 || c.Limits.RunningJobsPerNamespace < 0 || c.Limits.UnschedulableAfter.Duration < 0 {
		add("limits must not be negative; 0 is no limit")
	}
	if c.Retry.BackoffInitial.Duration <= 0 || c.Retry.BackoffMax.Duration < c.Retry.BackoffInitial.Duration {
		add("retry.backoffInitial must be greater than 0 and at most retry.backoffMax")
	}
	if c.Retry.BlockedTimeout.Duration <= 0 {
		add("retry.blockedTimeout must be greater than 0")
	}
	if c.Pods.LostAfter.Duration < 0 || (c.Pods.KeepFinished != nil && c.Pods.KeepFinished.Duration < 0) {
		add("pods.lostAfter and pods.keepFinished must not be negative")
	}
	if c.Progress.Interval.Duration <= 0 || c.Progress.MinWriteInterval.Duration < 0 || c.Progress.MaxWritesPerSecond <= 0 || c.Progress.Workers <= 0 {
		add("progress: interval, maxWritesPerSecond and workers must be greater than 0, minWriteInterval not negative")
	}
	for _, kind := range c.Allow.Affinity {
		if !slices.Contains([]string{"nodeAffinity", "podAffinity", "podAntiAffinity", "*"}, kind) {
			add("allow.affinity: %q is none of nodeAffinity, podAffinity, podAntiAffinity and *", kind)
		}
	}
	if c.Controller.Workers <= 0 || c.Controller.QPS <= 0 || c.Controller.Burst <= 0 {
		add("controller: workers, qps and burst must be greater than 0")
	}
	if c.Controller.NewsPerSecond < 0 {
		add("controller.newsPerSecond must not be negative; 0 is no limit")
	}
	return errors.Join(errs...)
}

func (c *Config) checkStorage() []error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Storage) == 0 {
		add("storage needs at least one entry with a url")
	}
	seen := map[string]int{}
	for i, s := range c.Storage {
		parsed, err := url.Parse(s.URL)
		if err != nil || parsed.Scheme == "" {
			add("storage[%d].url %q is not a bucket URL such as s3://bucket?region=eu-central-1 or file:///swath/storage", i, s.URL)
			continue
		}
		if parsed.User != nil {
			add("storage[%d].url must not hold credentials; put them into a Secret and name it in secretName", i)
		}
		if parsed.Scheme == "file" && s.PersistentVolumeClaim == "" {
			add("storage[%d] has a file:// URL and needs persistentVolumeClaim", i)
		}
		names := s.Namespaces
		if len(names) == 0 {
			names = []string{"(all others)"}
		}
		for _, name := range names {
			if first, twice := seen[name]; twice {
				add("storage[%d] and storage[%d] are both for the namespace %s", first, i, name)
			}
			seen[name] = i
		}
	}
	return errs
}
