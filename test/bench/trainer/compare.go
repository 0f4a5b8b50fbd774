//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// compare measures all, prints the table and writes the file.
func (s settings) compare(ctx context.Context) error {
	r := report{Conditions: s.conditions()}
	if s.hdf5 != "" {
		data, err := os.ReadFile(s.hdf5)
		if err != nil {
			return fmt.Errorf("reading the figures of HDF5: %w", err)
		}
		if err := json.Unmarshal(data, &r.HDF5); err != nil {
			return fmt.Errorf("reading the figures of HDF5 from %s: %w", s.hdf5, err)
		}
	}
	load := loadAverage()
	found, err := s.measureNetworks(ctx)
	if err != nil {
		return err
	}
	for _, ref := range references {
		m, err := newModelReport(ref.Name, found[ref.Name])
		if err != nil {
			return err
		}
		r.Models = append(r.Models, m)
		r.Conditions.addVersions(found[ref.Name])
	}
	if s.trainer != "" {
		if r.WholeRuns, r.Scaling, err = s.measureWholeRuns(ctx, fasterCapability(r.Models)); err != nil {
			return err
		}
	}
	r.Conditions["load average"] = fmt.Sprintf("%s before, %s after", load, loadAverage())
	r.print(os.Stdout)
	return r.write(s.out)
}

// measureNetworks runs every engine in turn, on every network in every round.
func (s settings) measureNetworks(ctx context.Context) (map[string][]measured, error) {
	folder, err := os.MkdirTemp("", "swath-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the networks: %w", err)
	}
	defer os.RemoveAll(folder)
	found := map[string][]measured{}
	for _, ref := range references {
		if err := ref.export(folder); err != nil {
			return nil, err
		}
	}
	for round := range s.rounds {
		for _, ref := range references {
			for _, e := range s.engines(folder) {
				if e.onlyOnce && round > 0 {
					continue
				}
				start := time.Now()
				a, err := e.run(ctx, ref)
				if err != nil && e.mayFail && ctx.Err() == nil {
					fmt.Fprintf(os.Stderr, "%s does without %s: %v\n", ref.Name, e.name, err)
					continue
				}
				if err != nil {
					return nil, fmt.Errorf("round %d, %s, %s: %w", round+1, ref.Name, e.name, err)
				}
				found[ref.Name] = append(found[ref.Name], measured{engine: e, answer: a})
				fmt.Fprintf(os.Stderr, "round %d of %d: %s: %s (%.1f s)\n", round+1, s.rounds, ref.Name, e.name, time.Since(start).Seconds())
			}
		}
	}
	return found, nil
}
