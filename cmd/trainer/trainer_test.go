package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/training/manifest"
)

const (
	testdata = "../../test/testdata/"
	olinda   = testdata + "olinda/landcover-"
)

// execute runs a command line.
func execute(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

// succeed runs a command line that must succeed, and gives its output.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := execute(t, args...)
	if code != 0 {
		t.Fatalf("trainer %s ended with %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

func TestMistakesEndWithTheCodeOfTheContractAndOneLine(t *testing.T) {
	class := olinda + "classification-train.h5"
	segment := olinda + "segmentation-train.h5"
	cases := map[string]struct {
		args []string
		code int
		want string
	}{
		"a command that there is not":     {[]string{"fly"}, contract.ExitUsage, `there is no command "fly"`},
		"a flag that there is not":        {[]string{"train", "--epoch", "3"}, contract.ExitUsage, "unknown flag: --epoch"},
		"a flag of the wrong type":        {[]string{"train", "--epochs", "many"}, contract.ExitUsage, `invalid argument "many"`},
		"no file":                         {[]string{"inspect"}, contract.ExitUsage, "accepts 1 arg(s), received 0"},
		"a file that is not there":        {[]string{"inspect", "nowhere.h5"}, contract.ExitNoFile, "nowhere.h5: no such file"},
		"a file that is not HDF5":         {[]string{"inspect", testdata + "hdf5/v_nothdf5.h5"}, contract.ExitBadFile, "v_nothdf5.h5"},
		"a format that there is not":      {[]string{"inspect", "-o", "xml", class}, contract.ExitUsage, `--output is "xml"`},
		"a pixel that is not a number":    {[]string{"validate", "--task", "classification", testdata + "hdf5/r_nan_pixel.h5"}, contract.ExitBadFile, "sample 4: the pixel of band"},
		"no task":                         {[]string{"validate", class}, contract.ExitUsage, "--task"},
		"segmentation without classes":    {[]string{"validate", "--task", "segmentation", segment}, contract.ExitUsage, "--num-classes is missing"},
		"labels of the other task":        {[]string{"validate", "--task", "segmentation", "--num-classes", "3", class}, contract.ExitBadFile, "one label a chip"},
		"too few classes for the labels":  {[]string{"validate", "--task", "segmentation", "--num-classes", "2", segment}, contract.ExitBadFile, "label 2"},
		"the same file twice":             {[]string{"validate", "--task", "classification", class, class}, contract.ExitBadFile, "landcover-classification-train.h5"},
		"no output":                       {[]string{"train", "--task", "classification", "--training-file", class}, contract.ExitUsage, "--output is missing"},
		"a hyperparameter out of bounds":  {[]string{"train", "--task", "classification", "--training-file", class, "--output", "x", "--learning-rate", "3"}, contract.ExitUsage, "learningRate is 3"},
		"no model":                        {[]string{"predict", class}, contract.ExitUsage, "--model is missing"},
		"a model that is not there":       {[]string{"predict", "--model", "nowhere", class}, contract.ExitNoFile, "there is no model"},
		"a model that is none":            {[]string{"predict", "--model", class, class}, contract.ExitBadFile, "not an ONNX model"},
		"no stage":                        {[]string{"stage"}, contract.ExitUsage, "name a stage"},
		"a stage without its job":         {[]string{"stage", "train"}, contract.ExitUsage, "--job is missing"},
		"a stage with a file that leaves": {[]string{"stage", "download", "--job", "j", "--task", "classification", "--training-file", "../x"}, contract.ExitUsage, `"../x" is not a name`},
		"storage that is not named":       {[]string{"stage", "download", "--job", "j", "--task", "classification", "--training-file", "x"}, contract.ExitUsage, contract.EnvStorageURL},
		"upload without storage":          {[]string{"upload", class}, contract.ExitUsage, "--storage is missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := execute(t, c.args...)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("it ended with %d and said %q, want %d and %q", code, stderr, c.code, c.want)
			}
			if stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("standard output has %q, standard error %q; want one line on standard error", stdout, stderr)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	var got struct {
		Samples    int              `json:"samples"`
		Bands      []string         `json:"bands"`
		Shape      []int            `json:"shape"`
		LabelShape []int            `json:"labelShape"`
		Platform   *string          `json:"platform"`
		GSD        float64          `json:"gsd"`
		Classes    map[string]int64 `json:"classes"`
	}
	if err := json.Unmarshal([]byte(succeed(t, "inspect", olinda+"segmentation-train.h5", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Samples != 144 || !slices.Equal(got.Bands, []string{"blue", "green", "red"}) || !slices.Equal(got.Shape, []int{3, 32, 32}) ||
		!slices.Equal(got.LabelShape, []int{32, 32}) || got.Platform == nil || got.GSD != 28.5 || got.Classes["0"] != 17284 {
		t.Errorf("got %+v", got)
	}
	if text := succeed(t, "inspect", olinda+"classification-train.h5"); !strings.Contains(text, "3 × 16 × 16") || !strings.Contains(text, "160 chips") {
		t.Errorf("got\n%s", text)
	}
}

func TestValidateSaysWhatIsInTheFiles(t *testing.T) {
	text := succeed(t, "validate", "--task", "classification", olinda+"classification-train.h5", olinda+"classification-validation.h5")
	for _, want := range []string{"train.h5: valid for classification with 3 classes", "validation.h5: valid", "78.847"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// The whole way of a user without a cluster.
func TestTrainAndPredict(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "model")
	succeed(t, "train", "--task", "classification", "--training-file", olinda+"classification-train.h5",
		"--validation-file", olinda+"classification-validation.h5", "--epochs", "10", "--output", folder)
	data, err := os.ReadFile(filepath.Join(folder, "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if m.Metrics.Validation.Accuracy < 0.95 {
		t.Errorf("validation accuracy %.3f, want 0.95 at least", m.Metrics.Validation.Accuracy)
	}
	names := []string{"results.csv"}
	for _, part := range m.Parts {
		names = append(names, part.Name)
	}
	for _, name := range append(names, "model.onnx", "report.html", "model-card.md", "learning-curves.png", "confusion-matrix.png") {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing (%v)", name, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	var predicted struct {
		Labels []int `json:"labels"`
	}
	out := succeed(t, "predict", "--model", filepath.Join(folder, "model.onnx"), olinda+"classification-validation.h5", "-o", "json")
	if err := json.Unmarshal([]byte(out), &predicted); err != nil {
		t.Fatal(err)
	}
	// What predict says is what the metrics were made of.
	counts := make([]int64, 3)
	for _, label := range predicted.Labels {
		counts[label]++
	}
	for class, n := range counts {
		if want := m.Metrics.Validation.Confusion.Predictions(class); n != want {
			t.Errorf("class %d was predicted %d times, and %d times when the model was measured", class, n, want)
		}
	}
	table := succeed(t, "predict", "--model", folder, olinda+"classification-validation.h5")
	if lines := strings.Split(strings.TrimSpace(table), "\n"); len(lines) != 109 || lines[0] != "sample,class,probability_0,probability_1,probability_2" {
		t.Errorf("got %d lines, the first %q", len(lines), lines[0])
	}
}

func TestPredictedPicturesHoldTheClasses(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "model")
	succeed(t, "train", "--task", "segmentation", "--num-classes", "3", "--training-file", olinda+"segmentation-train.h5",
		"--validation-fraction", "0", "--epochs", "1", "--output", folder)
	pictures := filepath.Join(t.TempDir(), "pictures")
	succeed(t, "predict", "--model", folder, "-o", "png", "--folder", pictures, olinda+"segmentation-validation.h5")
	if files, err := os.ReadDir(pictures); err != nil || len(files) != 52 {
		t.Fatalf("there are %d pictures (%v), want 52", len(files), err)
	}
	var predicted struct {
		Labels [][][]int `json:"labels"`
	}
	out := succeed(t, "predict", "--model", folder, "-o", "json", olinda+"segmentation-validation.h5")
	if err := json.Unmarshal([]byte(out), &predicted); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(pictures, "sample-000007.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	picture, ok := decoded.(*image.Paletted)
	if !ok {
		t.Fatalf("the picture is %T and has no palette", decoded)
	}
	for y, row := range predicted.Labels[7] {
		for x, class := range row {
			if int(picture.ColorIndexAt(x, y)) != class {
				t.Fatalf("the picture has class %d at row %d, column %d, want %d", picture.ColorIndexAt(x, y), y, x, class)
			}
		}
	}
}

func TestDryRunTrainsNothing(t *testing.T) {
	out := succeed(t, "train", "--task", "classification", "--training-file", olinda+"classification-train.h5", "--dry-run")
	for _, want := range []string{`"batchSize":16`, "steps", "time             about", "memory           about"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestVersion(t *testing.T) {
	if out := succeed(t, "version"); !strings.HasPrefix(out, "trainer ") || !strings.Contains(out, "numerics version") {
		t.Errorf("got %q", out)
	}
}
