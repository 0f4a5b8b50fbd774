//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// eventually looks again and again until the check finds nothing wrong; after the given time it returns what was wrong.
func eventually(ctx context.Context, patience time.Duration, check func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, probeDelay, patience, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("after %v: %w", patience, last)
	}
}
