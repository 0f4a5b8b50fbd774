package dataset

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// report validates a file for the split.
func report(t testing.TB, f *File) *Report {
	t.Helper()
	o := ValidateOptions{Task: f.Task(), TrainingFile: f.Name()}
	if o.Task == Segmentation {
		o.NumClasses = 3
	}
	return validate(t, o)
}

func split(t testing.TB, f *File, o SplitOptions) *Split {
	t.Helper()
	s, err := report(t, f).Split(f, o)
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
	for name, file := range map[string]testFile{
		"two samples":         chips(2),
		"two of each class":   chips(60).change(func(i int, s *Sample) { s.Labels[0] = int64(i % 30) }),
		"one picture of each": chips(60).change(func(i int, s *Sample) { copy(s.Pixels, chips(60).sample(i%2).Pixels) }),
		"all of a class alike": chips(60).change(func(i int, s *Sample) {
			s.Point = [2]float32{float32(1 + i%2), 1}
			s.Pixels = chips(60).sample(i % 2).Pixels
		}),
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, file.write(t, "a.h5"))
			r := report(t, f)
			_, err := r.Split(f, SplitOptions{Fraction: 0.2})
			broken{RuleSplit, -1, "samples are too few, or too few different ones, to set 0.2 of each class aside"}.require(t, err, "a.h5")
			if _, err := r.Split(f, SplitOptions{Fraction: 1}); err == nil {
				t.Error("a fraction of 1 was taken")
			}
		})
	}
}

func TestASplitIsOfTheFileThatWasValidated(t *testing.T) {
	r := report(t, open(t, chips(50).write(t, "a.h5")))
	if _, err := r.Split(open(t, chips(60).write(t, "b.h5")), SplitOptions{Fraction: 0.2}); err == nil {
		t.Error("the report of another file was taken")
	}
}

// TestASplitLeavesSomeOfEachClassToTrainOn: 500 chips of class 0, and a place
// with 80 of them that has all of class 2, which for the shares of the classes
// would be a good place to take.
func TestASplitLeavesSomeOfEachClassToTrainOn(t *testing.T) {
	file := chips(503).change(func(i int, s *Sample) {
		s.Labels[0] = 0
		if i >= 500 {
			s.Labels[0] = 2
		}
		s.Point = [2]float32{10, float32(1 + i/20)}
		if i >= 420 {
			s.Point[1] = 100
		}
	})
	f := open(t, file.write(t, "a.h5"))
	for seed := range uint64(20) {
		s := split(t, f, SplitOptions{Fraction: 0.2, Seed: seed})
		if !slices.Equal(s.TrainingClasses, []int64{500 - s.ValidationClasses[0], 0, 3}) || s.ValidationClasses[0] < 80 {
			t.Fatalf("seed %d: to train on are %v, to validate by %v", seed, s.TrainingClasses, s.ValidationClasses)
		}
		if int64(s.Validation.Len()) != s.ValidationClasses[0] {
			t.Errorf("%d samples are counted as %v", s.Validation.Len(), s.ValidationClasses)
		}
		if want := "the samples that are set aside for validation have nothing of class 2"; len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], want) {
			t.Errorf("warnings are %q, none says %q", s.Warnings, want)
		}
	}
}

// TestASplitLeavesSomeOfEachClassOfPixels: class 2 is nowhere the most frequent.
func TestASplitLeavesSomeOfEachClassOfPixels(t *testing.T) {
	file := chips(40).task(Segmentation).change(func(i int, s *Sample) {
		for k := range s.Labels {
			s.Labels[k] = int64(i % 2)
		}
		if i == 7 {
			s.Labels[3] = 2
		}
	})
	f := open(t, file.write(t, "a.h5"))
	for seed := range uint64(20) {
		s := split(t, f, SplitOptions{Fraction: 0.5, Seed: seed})
		if s.TrainingClasses[2] != 1 || s.TrainingClasses[0]+s.ValidationClasses[0] != 20*64 {
			t.Fatalf("seed %d: to train on are %v, to validate by %v", seed, s.TrainingClasses, s.ValidationClasses)
		}
	}
}

func TestASplitWarnsOfClassesThatBecomeFew(t *testing.T) {
	f := open(t, chips(106).change(func(i int, s *Sample) {
		s.Labels[0] = int64(min(1, i/6))
		s.Point = [2]float32{10, float32(1 + i)}
	}).write(t, "a.h5"))
	s := split(t, f, SplitOptions{Fraction: 0.5, Seed: 1})
	if want := "fewer than 5 of class 0 (3) to train on"; len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], want) {
		t.Errorf("warnings are %q, none says %q", s.Warnings, want)
	}
}

// TestEqualPixelsStayTogether: each chip is in the file twice, as it is where
// people repeat rare ones.
func TestEqualPixelsStayTogether(t *testing.T) {
	for name, point := range map[string]func(i int) [2]float32{
		"without points":  func(int) [2]float32 { return [2]float32{} },
		"in other places": func(i int) [2]float32 { return [2]float32{float32(1 + i), 5} },
	} {
		t.Run(name, func(t *testing.T) {
			file := chips(120).change(func(i int, s *Sample) {
				s.Point = point(i)
				copy(s.Pixels, chips(60).sample(i%60).Pixels)
			})
			s := split(t, open(t, file.write(t, "a.h5")), SplitOptions{Fraction: 0.2, Seed: 3})
			if n := s.Validation.Len(); n != 24 {
				t.Errorf("%d samples are set aside, want 24", n)
			}
			kept := map[int]bool{}
			for _, i := range numbers(s.Validation) {
				kept[i%60] = true
			}
			for _, i := range numbers(s.Training) {
				if kept[i%60] {
					t.Fatalf("chip %d is in both parts", i%60)
				}
			}
		})
	}
}

// TestConstantChipsAreSetAsideOneByOne: water looks alike everywhere.
func TestConstantChipsAreSetAsideOneByOne(t *testing.T) {
	file := chips(100).change(func(i int, s *Sample) {
		if i%2 == 0 {
			clear(s.Pixels)
		}
	})
	if s := split(t, open(t, file.write(t, "a.h5")), SplitOptions{Fraction: 0.2, Seed: 3}); s.ValidationClasses[0] != 10 {
		t.Errorf("set aside are %v, want 10 of class 0", s.ValidationClasses)
	}
}

func TestPlacesOfAView(t *testing.T) {
	file := chips(40).change(func(i int, s *Sample) {
		switch {
		case i < 20:
			s.Point = [2]float32{float32(1 + i/5), 1} // four places
		case i == 39:
			copy(s.Pixels, chips(40).sample(38).Pixels)
		}
	})
	f := open(t, file.write(t, "a.h5"))
	r := report(t, f)
	places, n, err := r.Training.Places(f.All(), 5)
	if err != nil || n != 4+20-1 || len(places) != 40 {
		t.Fatalf("%d places of %d samples: %v", n, len(places), err)
	}
	if places[0] != places[4] || places[4] == places[5] || places[20] == places[21] || places[38] != places[39] {
		t.Errorf("places are %v", places)
	}
	s := split(t, f, SplitOptions{Fraction: 0.25, Seed: 1})
	places, n, err = r.Training.Places(s.Validation, 1)
	if err != nil || len(places) != s.Validation.Len() || slices.Max(places) != n-1 || slices.Min(places) != 0 {
		t.Errorf("of the part set aside: %d places, %v: %v", n, places, err)
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
