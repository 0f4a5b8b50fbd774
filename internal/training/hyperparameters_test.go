package training

import (
	"errors"
	"strings"
	"testing"
)

func TestParseHyperparameters(t *testing.T) {
	cases := map[string]struct{ text, wantError string }{
		"none":                    {"", ""},
		"null":                    {"null", ""},
		"some":                    {`{"numClasses": 7, "learningRate": 0.001, "modelSize": "base"}`, ""},
		"misspelt":                {`{"epoch": 3}`, `unknown field "epoch"`},
		"of the wrong type":       {`{"epochs": "three"}`, "cannot unmarshal string"},
		"not whole":               {`{"epochs": 3`, "unexpected EOF"},
		"followed by more":        {`{"epochs": 3} {}`, "something follows"},
		"below its bounds":        {`{"epochs": 0}`, "epochs is 0 and must be from 1 to 100000"},
		"above its bounds":        {`{"learningRate": 2}`, "learningRate is 2 and must be from 1e-08 to 1"},
		"not one of the words":    {`{"loss": "hinge"}`, `loss is "hinge" and must be one of crossEntropy, focal`},
		"ignored and 256 classes": {`{"numClasses": 256, "ignoreLabel": 255}`, "at most 255 classes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHyperparameters(c.text)
			if err == nil {
				err = h.Check()
			}
			var usage *UsageError
			switch {
			case c.wantError == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case c.wantError != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), c.wantError)):
				t.Errorf("error %v, want a usage error with %q", err, c.wantError)
			}
		})
	}
}

func TestDefaultsAreChosenByTheData(t *testing.T) {
	cases := map[string]struct {
		size          DataSize
		batch, epochs int
		fraction      float64
	}{
		"7 chips":              {DataSize{Samples: 7, Side: 256}, 4, 200, 0},
		"49 chips":             {DataSize{Samples: 49, Side: 16}, 4, 40, 0},
		"100 chips, some kept": {DataSize{Samples: 100, Side: 16}, 8, 40, 0.2},
		"Olinda, classification": {
			DataSize{Samples: 284, Side: 16, HasValidation: true}, 32, 45, 0,
		},
		"Olinda, segmentation":          {DataSize{Samples: 144, Side: 32, HasValidation: true}, 16, 45, 0},
		"large chips, small batches":    {DataSize{Samples: 1000, Side: 224, HasValidation: true}, 4, 40, 0},
		"huge chips":                    {DataSize{Samples: 1000, Side: 2048, HasValidation: true}, 2, 40, 0},
		"100,000 chips, fewer epochs":   {DataSize{Samples: 100_000, Side: 64, HasValidation: true}, 32, 7, 0},
		"one chip is a batch by itself": {DataSize{Samples: 1, Side: 32}, 4, 400, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.size.Classes = 3
			s, err := Resolve(Hyperparameters{}, Classification, c.size)
			if err != nil {
				t.Fatal(err)
			}
			if s.BatchSize != c.batch || s.Epochs != c.epochs || s.ValidationFraction != c.fraction {
				t.Errorf("batch %d, epochs %d, fraction %v; want %d, %d, %v",
					s.BatchSize, s.Epochs, s.ValidationFraction, c.batch, c.epochs, c.fraction)
			}
		})
	}
}

func TestTheLearningRateGrowsWithTheRootOfTheBatch(t *testing.T) {
	for _, c := range []struct {
		size  string
		batch int
		want  float64
	}{
		{SizeSmall, 1, 0.003}, {SizeSmall, 4, 0.003}, {SizeSmall, 16, 0.006}, {SizeSmall, 32, 0.0085}, {SizeSmall, 4096, 0.012},
		{SizeBase, 16, 0.004}, {SizeLarge, 4, 0.0015},
	} {
		if got := defaultRate(c.size, c.batch); got != c.want {
			t.Errorf("%s in batches of %d: %v, want %v", c.size, c.batch, got, c.want)
		}
	}
}

func TestWhatIsAskedForIsUsed(t *testing.T) {
	h, err := ParseHyperparameters(`{"numClasses": 5, "epochs": 3, "batchSize": 7, "seed": 0, "augmentation": "none"}`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Resolve(h, Segmentation, DataSize{Samples: 100, Side: 32, HasValidation: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.NumClasses != 5 || s.Epochs != 3 || s.BatchSize != 7 || s.Seed != 0 || s.Augmentation != AugmentationNone {
		t.Errorf("got %+v", s)
	}
	if _, err := Resolve(Hyperparameters{}, Segmentation, DataSize{Samples: 1, Side: 8}); err == nil {
		t.Error("segmentation without numClasses was accepted")
	}
}
