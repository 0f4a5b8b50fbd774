package dataset

import (
	"path/filepath"
	"slices"
	"testing"
)

func split(t testing.TB, f *File, o SplitOptions) *Split {
	t.Helper()
	s, err := f.Split(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func numbers(v *View) []int {
	var all []int
	for i := range v.Len() {
		all = append(all, v.Sample(i))
	}
	return all
}

func TestASplitTakesEachSampleOnce(t *testing.T) {
	for _, name := range []string{"landcover-classification-train.h5", "landcover-segmentation-train.h5"} {
		f := open(t, filepath.Join(olinda, name))
		s := split(t, f, SplitOptions{Fraction: 0.2, Seed: 42})
		all := append(numbers(s.Training), numbers(s.Validation)...)
		slices.Sort(all)
		if len(all) != f.Len() || len(slices.Compact(all)) != f.Len() {
			t.Errorf("%s: %d and %d samples of %d", name, s.Training.Len(), s.Validation.Len(), f.Len())
		}
		if share := float64(s.Validation.Len()) / float64(f.Len()); share < 0.15 || share > 0.25 {
			t.Errorf("%s: the share is %.2f", name, share)
		}
	}
}

func TestASplitKeepsTheSharesOfClasses(t *testing.T) {
	// 10 of class 0, 90 of class 1.
	f := open(t, chips(100).change(func(i int, s *Sample) { s.Labels[0] = int64(min(1, i%10)) }).write(t, "a.h5"))
	s := split(t, f, SplitOptions{Fraction: 0.2, Seed: 1})
	count := 0
	for _, i := range numbers(s.Validation) {
		if i%10 == 0 {
			count++
		}
	}
	if s.Validation.Len() != 20 || count != 2 {
		t.Errorf("%d samples, %d of the rare class; want 20 and 2", s.Validation.Len(), count)
	}
}

func TestASplitKeepsPlacesTogether(t *testing.T) {
	// 20 places of 5 chips each, some metres apart, inside of cells.
	place := func(i int) [2]float32 { return [2]float32{-7.905 + 0.05*float32(i/5), -34.905 + 0.0001*float32(i%5)} }
	f := open(t, chips(100).change(func(i int, s *Sample) { s.Point = place(i) }).write(t, "a.h5"))
	s := split(t, f, SplitOptions{Fraction: 0.2, Seed: 1})
	if s.Places < 20 || s.Validation.Len() != 20 {
		t.Errorf("%d places, %d samples for validation; want 20 and 20", s.Places, s.Validation.Len())
	}
	places := map[int]bool{}
	for _, i := range numbers(s.Validation) {
		places[i/5] = true
	}
	for _, i := range numbers(s.Training) {
		if places[i/5] {
			t.Fatalf("place %d is in both parts", i/5)
		}
	}
}

func TestASplitDependsOnTheSeedAlone(t *testing.T) {
	f := open(t, chips(100).write(t, "a.h5"))
	a, b := split(t, f, SplitOptions{Fraction: 0.3, Seed: 1}), split(t, f, SplitOptions{Fraction: 0.3, Seed: 1})
	if !slices.Equal(numbers(a.Validation), numbers(b.Validation)) {
		t.Error("the same seed makes two splits")
	}
	if c := split(t, f, SplitOptions{Fraction: 0.3, Seed: 2}); slices.Equal(numbers(a.Validation), numbers(c.Validation)) {
		t.Error("two seeds make one split")
	}
}

func TestTooFewSamplesToSplit(t *testing.T) {
	f := open(t, chips(2).write(t, "a.h5"))
	_, err := f.Split(t.Context(), SplitOptions{Fraction: 0.2})
	broken{RuleSamples, -1, "its 2 samples are too few to set 0.2 of each class aside"}.require(t, err, "a.h5")
	if _, err := f.Split(t.Context(), SplitOptions{Fraction: 1}); err == nil {
		t.Error("a fraction of 1 was taken")
	}
}

func TestBatchesOfAView(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			f := open(t, chips(100).store(store).write(t, "a.h5"))
			s := split(t, f, SplitOptions{Fraction: 0.4, Seed: 3})
			streamed := loader(t, s.Training, LoaderOptions{BatchSize: 9, Seed: 1})
			cached := loader(t, s.Training, LoaderOptions{BatchSize: 9, Seed: 1, MemoryBudget: plenty})
			a, b := drain(t, streamed, streamed.Shuffled(t.Context(), 1, 0)), drain(t, cached, cached.Shuffled(t.Context(), 1, 0))
			if !slices.EqualFunc(a, b, equal) {
				t.Error("memory and file differ")
			}
			got := samplesOf(a)
			slices.Sort(got)
			want := numbers(s.Training)
			if len(got) != len(want) || int(got[0]) != want[0] {
				t.Errorf("%d samples, want %d", len(got), len(want))
			}
			for k, i := range got {
				if int(i) != want[k] {
					t.Fatalf("sample %d is not of the view", i)
				}
			}
		})
	}
}
