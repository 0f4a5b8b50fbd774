package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/results"
)

// sample makes the input of a report with a number of classes, epochs and chips.
func sample(task string, classes, epochs, chips int, validated bool) Input {
	confusion := metrics.NewConfusion(classes)
	for class := range classes {
		confusion.Add(class, class)
		confusion.Add(class, (class+1)%classes)
	}
	in := Input{Manifest: &manifest.Manifest{
		FormatVersion: manifest.FormatVersion, ID: "model-<b>", Task: task, NumClasses: classes,
		Input:    manifest.Input{Bands: []string{"nir", "red"}, Height: 8, Width: 8, GSD: 10},
		Warnings: []string{"a warning with <script>"},
		Training: manifest.Training{Hyperparameters: json.RawMessage(`{"epochs":3,"seed":42}`), Requested: json.RawMessage(`{"seed":42}`)},
		Metrics:  manifest.Metrics{SelectedOn: manifest.SelectedLastEpoch, Epoch: epochs},
	}}
	evaluation := results.Evaluation{Loss: 0.5, Scores: confusion.Scores()}
	for epoch := range epochs {
		row := results.Row{Epoch: epoch + 1, Train: evaluation}
		if validated {
			row.Valid = &evaluation
		}
		in.Rows = append(in.Rows, row)
	}
	if validated {
		in.Manifest.Metrics.SelectedOn = manifest.SelectedOnValidation
		in.Manifest.Metrics.Validation = &manifest.Evaluation{Evaluation: evaluation, Chips: 20, PerClass: confusion.PerClass(), Confusion: confusion,
			Interval95: map[string]metrics.Interval{"accuracy": {Low: 0.4, High: 0.6}}}
		in.Manifest.Metrics.Baselines = map[string]results.Evaluation{manifest.BaselineMajority: {}, manifest.BaselineLinear: evaluation}
	}
	for i := range chips {
		chip := Chip{Sample: i, Side: 8, Pixels: make([]float32, 2*64), Truth: []int{0}, Predicted: []int{1}, Confidence: 0.9}
		if task == "segmentation" {
			chip.Truth, chip.Predicted = make([]int, 64), make([]int, 64)
			chip.Truth[3] = -1
		}
		in.Chips = append(in.Chips, chip)
	}
	return in
}

func TestReportsOfAllKinds(t *testing.T) {
	cases := map[string]struct {
		in   Input
		want []string
	}{
		"classification":           {sample("classification", 3, 5, 4, true), []string{CurvesName, ConfusionName, MistakesName, CardName, PageName}},
		"segmentation":             {sample("segmentation", 3, 5, 12, true), []string{CurvesName, ConfusionName, ChipsName, CardName, PageName}},
		"without mistakes":         {sample("classification", 2, 1, 0, true), []string{CurvesName, ConfusionName, CardName, PageName}},
		"without validation":       {sample("segmentation", 2, 2, 0, false), []string{CurvesName, CardName, PageName}},
		"256 classes, many epochs": {sample("segmentation", 256, 2000, 1, true), []string{CurvesName, ConfusionName, ChipsName, CardName, PageName}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			files, err := Make(c.in)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range files {
				names = append(names, f.Name)
				if strings.HasSuffix(f.Name, ".png") {
					if _, err := png.Decode(bytes.NewReader(f.Content)); err != nil {
						t.Errorf("%s is no picture: %v", f.Name, err)
					}
				}
			}
			if fmt.Sprint(names) != fmt.Sprint(c.want) {
				t.Errorf("files %v, want %v", names, c.want)
			}
			checkPage(t, string(files[len(files)-1].Content), strings.Count(strings.Join(c.want, " "), ".png"))
		})
	}
}

// checkPage checks that a page stands alone, shows all pictures, has its warnings first and shows no text as HTML.
func checkPage(t *testing.T, page string, pictures int) {
	t.Helper()
	if n := strings.Count(page, "data:image/png;base64,"); n != pictures {
		t.Errorf("the page shows %d pictures, want %d", n, pictures)
	}
	for _, outside := range []string{"src=\"http", "href=", "<script", "ZgotmplZ", "<no value>"} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
	if warning, figures := strings.Index(page, "a warning with"), strings.Index(page, "How good it is"); warning < 0 || warning > figures {
		t.Error("the warnings do not come first")
	}
}

func TestTheCardSaysWhatIsKnown(t *testing.T) {
	in := sample("classification", 3, 5, 0, true)
	text, err := card(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a warning with <script>", "nir, red", "20 validation chips", "0.500 (0.400 – 0.600)", "| seed | 42 (asked for) |", "| epochs | 3 |",
		"baseline: a linear model on band statistics", "a little too good",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the card lacks %q:\n%s", want, text)
		}
	}
}

func TestEveryClassHasAColourOfItsOwn(t *testing.T) {
	seen := map[string]int{}
	for class, tone := range Palette(256) {
		key := fmt.Sprint(tone)
		if other, ok := seen[key]; ok {
			t.Errorf("classes %d and %d have the colour %s", other, class, key)
		}
		seen[key] = class
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0", 0.0004: "<0.1 %", 0.021: "2.1 %", 0.5: "50 %", 0.9995: ">99.9 %", 1: "100 %"} {
		if got := percent(share); got != want {
			t.Errorf("%v is %q, want %q", share, got, want)
		}
	}
}

// With class IDs 0, 5 and 200 a report shows these three, and says that the others do not occur.
func TestAReportShowsTheClassesThatOccur(t *testing.T) {
	in := sample("segmentation", 201, 2, 1, true)
	confusion := metrics.NewConfusion(201)
	confusion.Add(0, 0)
	confusion.Add(5, 200)
	v := in.Manifest.Metrics.Validation
	v.Confusion, v.PerClass = confusion, confusion.PerClass()
	in.ClassSamples = make([]int64, 201)
	in.ClassSamples[0], in.ClassSamples[5] = 7, 3
	if got := occurring(in); !slices.Equal(got, []int{0, 5, 200}) {
		t.Fatalf("the classes %v are shown", got)
	}
	files, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		switch f.Name {
		case ConfusionName:
			picture, err := png.DecodeConfig(bytes.NewReader(f.Content))
			if most := int(5 * resolution); err != nil || picture.Width > most {
				t.Errorf("the matrix of three classes is %d pixels wide, more than %d (%v)", picture.Width, most, err)
			}
		case CardName, PageName:
			if text := string(f.Content); !strings.Contains(text, "198 of the 201 classes do not occur") || strings.Count(text, "</span>200</td>")+strings.Count(text, "| 200 | 0 |") != 1 {
				t.Errorf("%s does not show class 200, or not that others are left out", f.Name)
			}
		}
	}
}

func TestAllClassesThatOccurAreShown(t *testing.T) {
	in := sample("classification", 256, 3, 0, true)
	if got := len(classTable(in)); got != 256 {
		t.Errorf("%d classes are shown of 256 that occur", got)
	}
}

// However few epochs there are, nothing is drawn over the curves: what the colours stand for is said below both panels.
func TestNoLegendCoversTheCurves(t *testing.T) {
	for _, epochs := range []int{1, 2, 45} {
		p, err := panel("Loss", sample("classification", 2, epochs, 0, true).Rows, 1, func(e results.Evaluation) float64 { return e.Loss })
		if err != nil {
			t.Fatal(err)
		}
		_, c := newCanvas(9*vg.Inch, 3.4*vg.Inch)
		if size := p.Legend.Rectangle(c).Size(); size.X > 0 && size.Y > 0 {
			t.Errorf("%d epochs: a legend of %v is drawn into the panel", epochs, size)
		}
	}
}
