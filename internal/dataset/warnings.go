package dataset

import (
	"fmt"
	"strings"
)

const (
	// fewSamples is how many samples a class should have at least.
	fewSamples = 5
	// largeChunk is from which size on a decompressed chunk costs noticeable
	// memory while a file is streamed.
	largeChunk = 16 << 20
)

// trainingWarnings finds what is allowed in a training file and yet likely to be
// a mistake.
func trainingWarnings(f *File, r *Report) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	var none, few []string
	for c, n := range r.Training.Classes {
		switch {
		case r.ignores(c):
		case n == 0:
			none = append(none, fmt.Sprint(c))
		case r.Task == Classification && n < fewSamples:
			few = append(few, fmt.Sprintf("%d (%d)", c, n))
		}
	}
	if len(none) > 0 {
		warn("the training file has nothing of class %s, so the model cannot learn it", listed(none))
	}
	if len(few) > 0 {
		warn("the training file has fewer than %d samples of class %s; more of them make a better model", fewSamples, listed(few))
	}
	for _, b := range r.Training.BandStats {
		if b.Least == b.Greatest {
			warn("band %q is %v in every pixel of the training file, so it tells nothing", b.Name, b.Least)
		}
	}
	if name := repeated(r.Training.Bands); name != "" {
		warn("two bands are named %q, so the bands of what is predicted must come in this very order; name each differently", name)
	}
	if r.Training.GSD <= 0 {
		warn("the ground sample distance is %v metres; it should be more than 0", r.Training.GSD)
	}
	if bytes := f.data.SamplesPerRead() * f.data.SampleBytes(); bytes > largeChunk && f.data.SamplesPerRead() > 1 {
		warn("the training file's compressed chunks take %d MiB each, of which several are in memory at a time; smaller ones, such as chunks=(1,), train with less", bytes>>20)
	}
	return all
}

// ignores says whether a class is the ignored label.
func (r *Report) ignores(class int) bool { return r.ignore != nil && *r.ignore == int64(class) }

// validationWarnings does the same for a validation file.
func validationWarnings(r *Report) []string {
	var unknown, missing []string
	for c, n := range r.Validation.Classes {
		switch trained := r.Training.Classes[c]; {
		case n > 0 && trained == 0:
			unknown = append(unknown, fmt.Sprint(c))
		case n == 0 && trained > 0:
			missing = append(missing, fmt.Sprint(c))
		}
	}
	var all []string
	if len(unknown) > 0 {
		all = append(all, fmt.Sprintf("the validation file has class %s, of which the training file has nothing; the model will get all of that wrong", listed(unknown)))
	}
	if len(missing) > 0 {
		all = append(all, fmt.Sprintf("the validation file has nothing of class %s, so its metrics do not tell how well the model knows that", listed(missing)))
	}
	return all
}

// splitWarnings does the same for the parts of a file that was split, of which
// the report knows only the whole. Some of each class is left in training.
func splitWarnings(r *Report, s *Split) []string {
	var few, missing []string
	for c, n := range s.TrainingClasses {
		if r.Task == Classification && n < fewSamples && r.Training.Classes[c] >= fewSamples {
			few = append(few, fmt.Sprintf("%d (%d)", c, n))
		}
		if n > 0 && s.ValidationClasses[c] == 0 {
			missing = append(missing, fmt.Sprint(c))
		}
	}
	var all []string
	if len(few) > 0 {
		all = append(all, fmt.Sprintf("without the samples that are set aside for validation there are fewer than %d of class %s to train on; more of them make a better model",
			fewSamples, listed(few)))
	}
	if len(missing) > 0 {
		all = append(all, fmt.Sprintf("the samples that are set aside for validation have nothing of class %s, so its metrics do not tell how well the model knows that", listed(missing)))
	}
	return all
}

// listed joins at most a few items.
func listed(items []string) string {
	const most = 10
	if len(items) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
	}
	return strings.Join(items, ", ")
}

// repeated returns a name that is there twice, or nothing.
func repeated(names []string) string {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			return n
		}
		seen[n] = true
	}
	return ""
}
