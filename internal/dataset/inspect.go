package dataset

import (
	"context"
	"fmt"
)

// Contents is what Inspect found in a file.
type Contents struct {
	Summary
	// Classes are the samples, or the pixels, that have each label. Here a label
	// is whatever number the file has, also one that Validate refuses.
	Classes map[int64]int64 `json:"classes"`
}

// maxInspected is the most different labels that Inspect counts.
const maxInspected = 4096

// Inspect opens the file at path and counts its labels. It checks the layout
// but, unlike Validate, no values.
func Inspect(ctx context.Context, path string) (*Contents, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &Contents{Summary: f.Summary(), Classes: map[int64]int64{}}
	r := f.NewReader()
	for i := range f.Len() {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("inspecting %s: %w", path, err)
		}
		if err := r.readLabels(i); err != nil {
			return nil, err
		}
		for _, label := range r.labels {
			c.Classes[label]++
		}
		if len(c.Classes) > maxInspected {
			return nil, f.invalid(i, RuleClasses, "there are more than %d different labels; labels must be classes, from 0 to %d", maxInspected, MaxClasses-1)
		}
	}
	return c, nil
}
