// Package onnx checks exported models against onnxruntime, which other programs would run them with.
package onnx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/checkpoint"
	"github.com/swath-dev/swath/internal/training/onnx"
)

// waiver is the environment variable that lets these tests go where there is no Node.js.
const waiver = "SWATH_WITHOUT_ONNXRUNTIME"

// install makes onnxruntime available, from the lock file beside this test and without running any script. Where that cannot
// be done the test fails: a check that is left out is to be left out by someone.
func install(t *testing.T) {
	t.Helper()
	if os.Getenv(waiver) != "" {
		t.Skipf("%s is set: exported models are not checked against onnxruntime", waiver)
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not installed, which onnxruntime needs: run hack/setup-tests, or set %s=1 to go without this check", program, waiver)
		}
	}
	if _, err := os.Stat("node_modules/onnxruntime-node"); err == nil {
		return
	}
	if output, err := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts").CombinedOutput(); err != nil {
		t.Fatalf("installing onnxruntime: %v (%s=1 goes without this check)\n%s", err, waiver, output)
	}
}

// run gives onnxruntime's logits of a model.
func run(t *testing.T, model string, pixels []float32, dims ...int) []float32 {
	t.Helper()
	input := filepath.Join(t.TempDir(), "pixels")
	var raw bytes.Buffer
	if err := binary.Write(&raw, binary.LittleEndian, pixels); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(input, raw.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run.js", model, input}
	for _, d := range dims {
		args = append(args, strconv.Itoa(d))
	}
	command := exec.CommandContext(t.Context(), "node", args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("running the model in onnxruntime: %v\n%s", err, stderr.String())
	}
	logits := make([]float32, len(output)/4)
	if err := binary.Read(bytes.NewReader(output), binary.LittleEndian, logits); err != nil {
		t.Fatal(err)
	}
	return logits
}

// ours gives our logits in the order of ONNX: batch × classes, followed by height × width.
func ours(t *testing.T, m *nn.Model, n, side int, pixels []float32) []float32 {
	t.Helper()
	plan, err := nn.NewPlan(m, nn.PlanConfig{Mode: nn.Infer, MaxBatch: n, Height: side, Width: side})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Forward(nn.Batch{N: n, Pixels: pixels}); err != nil {
		t.Fatal(err)
	}
	classes := m.Graph.Classes()
	rows := make([]float32, plan.Labels()*classes)
	if err := plan.Logits(rows); err != nil {
		t.Fatal(err)
	}
	area := plan.Labels() / n
	turned := make([]float32, len(rows))
	for i, v := range rows {
		label, class := i/classes, i%classes
		turned[(label/area*classes+class)*area+label%area] = v
	}
	return turned
}

// compare holds two lists of logits to |Δ| ≤ 1e-4·max(1, |logit|) and the same class, unless the margin is below 2e-4.
func compare(t *testing.T, want, got []float32, classes, area int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("onnxruntime gave %d logits, we %d", len(got), len(want))
	}
	worst := 0.0
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i]-want[i]))/max(1, math.Abs(float64(want[i]))))
	}
	t.Logf("greatest difference %.2g", worst)
	if !(worst <= 1e-4) {
		t.Errorf("logits differ by up to %.3g, want 1e-4 at most", worst)
	}
	for chip := range len(want) / (classes * area) {
		for at := range area {
			logit := func(of []float32, class int) float64 { return float64(of[(chip*classes+class)*area+at]) }
			best := func(of []float32) int {
				b := 0
				for class := range classes {
					if logit(of, class) > logit(of, b) {
						b = class
					}
				}
				return b
			}
			if a, b := best(want), best(got); a != b && math.Abs(logit(want, a)-logit(want, b)) >= 2e-4 {
				t.Fatalf("chip %d, label %d: class %d in onnxruntime, %d in ours", chip, at, b, a)
			}
		}
	}
}

func TestExportedNetworksGiveTheSameInONNXRuntime(t *testing.T) {
	install(t)
	cases := map[string]struct {
		task                 training.Task
		size                 string
		bands, side, classes int
	}{
		"classification":               {training.Classification, training.SizeSmall, 3, 16, 3},
		"classification, base":         {training.Classification, training.SizeBase, 4, 80, 2},
		"classification, many classes": {training.Classification, training.SizeSmall, 2, 8, 256},
		"segmentation, halved once":    {training.Segmentation, training.SizeSmall, 1, 8, 2},
		"segmentation, halved twice":   {training.Segmentation, training.SizeSmall, 12, 24, 7},
		"segmentation, large":          {training.Segmentation, training.SizeLarge, 4, 32, 7},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			graph, err := training.NewGraph(c.task, c.size, c.bands, c.side, c.classes)
			if err != nil {
				t.Fatal(err)
			}
			m := nn.NewModel(graph, 11)
			random := rand.New(rand.NewPCG(1, 2))
			for i := range m.Statistics {
				m.Statistics[i] += 0.3 * random.Float32()
			}
			for i := range c.bands {
				m.Mean[i], m.Deviation[i] = 1000, 250
			}
			exported, err := onnx.Export(m, "test")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "model.onnx")
			if err := os.WriteFile(path, onnx.Marshal(&onnx.Model{Graph: exported}), 0o600); err != nil {
				t.Fatal(err)
			}
			// Batch, height and width are free: another size than the one in training works, too.
			for n, side := range map[int]int{1: c.side, 3: 2 * c.side} {
				pixels := make([]float32, n*c.bands*side*side)
				for i := range pixels {
					pixels[i] = 1000 + 250*float32(random.NormFloat64())
				}
				area := 1
				if graph.PerPixel() {
					area = side * side
				}
				compare(t, ours(t, m, n, side, pixels), run(t, path, pixels, n, c.bands, side, side), c.classes, area)
			}
		})
	}
}

func TestTrainedModelsGiveTheSameInONNXRuntime(t *testing.T) {
	install(t)
	for _, task := range []training.Task{training.Classification, training.Segmentation} {
		t.Run(string(task), func(t *testing.T) {
			folder := "../testdata/olinda/landcover-" + string(task)
			data := train(t, task, folder+"-train.h5", nil)
			path := filepath.Join(t.TempDir(), "model.onnx")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			read, err := onnx.Unmarshal(data)
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Import(&read.Graph)
			if err != nil {
				t.Fatal(err)
			}
			pixels, n, side := chips(t, folder+"-validation.h5")
			area := 1
			if m.Graph.PerPixel() {
				area = side * side
			}
			compare(t, ours(t, m, n, side, pixels), run(t, path, pixels, n, m.Graph.Bands, side, side), 3, area)
		})
	}
}

// The number of a class may be the ignored label: other programs must not answer with that class either.
func TestTheClassOfTheIgnoredLabelIsNeverAnsweredInONNXRuntime(t *testing.T) {
	install(t)
	for _, task := range []training.Task{training.Classification, training.Segmentation} {
		for ignored := range 2 {
			t.Run(fmt.Sprintf("%s, label %d", task, ignored), func(t *testing.T) {
				folder := "../testdata/olinda/landcover-" + string(task)
				path := filepath.Join(t.TempDir(), "model.onnx")
				if err := os.WriteFile(path, train(t, task, folder+"-train.h5", &ignored), 0o600); err != nil {
					t.Fatal(err)
				}
				pixels, n, side := chips(t, folder+"-validation.h5")
				area := 1
				if task == training.Segmentation {
					area = side * side
				}
				bands := len(pixels) / n / side / side
				checkNeverLargest(t, run(t, path, pixels, n, bands, side, side), 3, area, ignored)
			})
		}
	}
}

// checkNeverLargest fails where the logit of a class is not by far the least of all.
func checkNeverLargest(t *testing.T, logits []float32, classes, area, class int) {
	t.Helper()
	for i := range logits {
		if i/area%classes == class && logits[i] > -1e30 {
			t.Fatalf("class %d has the logit %g", class, logits[i])
		}
		if i/area%classes != class && !(math.Abs(float64(logits[i])) < 1e6) {
			t.Fatalf("class %d has the logit %g", i/area%classes, logits[i])
		}
	}
}

// train trains for a few epochs and gives the model.
func train(t *testing.T, task training.Task, path string, ignored *int) []byte {
	t.Helper()
	classes, epochs := 3, 4
	session, err := training.Prepare(t.Context(), training.Request{
		Task: task, Training: training.File{Path: path, Name: "train"},
		Hyperparameters: training.Hyperparameters{NumClasses: &classes, Epochs: &epochs, IgnoreLabel: ignored},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	checkpoints := training.NewCheckpoints(checkpoint.Folder(t.TempDir()), training.CheckpointInterval, func(text string) { t.Log(text) })
	loop, err := session.Loop(t.Context(), checkpoints.Hook())
	if err != nil {
		t.Fatal(err)
	}
	if err := loop.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	outcome, err := session.Finish(t.Context(), loop)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range outcome.Parts {
		if part.Name == training.ModelName {
			return part.Content
		}
	}
	t.Fatal("training left no model")
	return nil
}

// chips reads all chips of a file.
func chips(t *testing.T, path string) (pixels []float32, n, side int) {
	t.Helper()
	file, err := dataset.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := file.NewReader()
	var sample dataset.Sample
	for i := range file.Len() {
		if err := reader.ReadSample(i, &sample); err != nil {
			t.Fatal(err)
		}
		pixels = append(pixels, sample.Pixels...)
	}
	return pixels, file.Len(), file.Side()
}
