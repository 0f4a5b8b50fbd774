package training

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/onnx"
)

// message is a field of a message that holds another one, or a text.
func message(number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

// repeated is so much of a field that the message has about size bytes.
func repeated(field []byte, size int) []byte { return bytes.Repeat(field, size/len(field)) }

// copies is a model whose operations all read the same weights.
func copies(t *testing.T, megabytes int) []byte {
	t.Helper()
	side := 512
	graph := onnx.Graph{
		Inputs:  []onnx.Value{{Name: onnx.InputName, Dims: []onnx.Dim{{Name: "batch"}, {Size: int64(side)}, {Name: "height"}, {Name: "width"}}}},
		Outputs: []onnx.Value{{Name: "y", Dims: []onnx.Dim{{Name: "batch"}}}},
		Initializers: []onnx.Tensor{
			{Name: "mean", Dims: []int64{int64(side)}, Floats: make([]float32, side)},
			{Name: "w", Dims: []int64{int64(side), int64(side), 1, 1}, Floats: make([]float32, side*side)},
			{Name: "b", Dims: []int64{int64(side)}, Floats: make([]float32, side)},
		},
		Nodes: []onnx.Node{
			{Name: "s", Op: "Sub", Inputs: []string{onnx.InputName, "mean"}, Outputs: []string{"c"}},
			{Name: "d", Op: "Div", Inputs: []string{"c", "mean"}, Outputs: []string{"x0"}},
		},
	}
	for i := range megabytes {
		graph.Nodes = append(graph.Nodes, onnx.Node{
			Name: fmt.Sprint("n", i), Op: "Conv", Inputs: []string{fmt.Sprint("x", i), "w", "b"}, Outputs: []string{fmt.Sprint("x", i+1)},
		})
	}
	return onnx.Marshal(&onnx.Model{Graph: graph, Metadata: []onnx.Metadata{{Key: MetadataKey, Value: "{}"}}})
}

// widened is a model that doubles its channels again and again.
func widened(t *testing.T, times int) []byte {
	t.Helper()
	graph := onnx.Graph{
		Inputs:       []onnx.Value{{Name: onnx.InputName, Dims: []onnx.Dim{{Name: "batch"}, {Size: 64}, {Name: "height"}, {Name: "width"}}}},
		Outputs:      []onnx.Value{{Name: "y", Dims: []onnx.Dim{{Name: "batch"}}}},
		Initializers: []onnx.Tensor{{Name: "mean", Dims: []int64{64}, Floats: make([]float32, 64)}},
		Nodes: []onnx.Node{
			{Name: "s", Op: "Sub", Inputs: []string{onnx.InputName, "mean"}, Outputs: []string{"c"}},
			{Name: "d", Op: "Div", Inputs: []string{"c", "mean"}, Outputs: []string{"x"}},
			{Name: "g", Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"g"}},
			{Name: "f", Op: "Flatten", Inputs: []string{"g"}, Outputs: []string{"v0"}},
		},
	}
	for i := range times {
		graph.Nodes = append(graph.Nodes, onnx.Node{
			Name: fmt.Sprint("n", i), Op: "Concat", Inputs: []string{fmt.Sprint("v", i), fmt.Sprint("v", i)}, Outputs: []string{fmt.Sprint("v", i+1)},
		})
	}
	return onnx.Marshal(&onnx.Model{Graph: graph, Metadata: []onnx.Metadata{{Key: MetadataKey, Value: "{}"}}})
}

// A tenant may put any bytes in the place of a model that the gateway loads. What is made of them follows from their number.
func TestNoModelTakesManyTimesItsSize(t *testing.T) {
	const size = 16 << 20
	node, tensor, pair := message(1, nil), message(5, nil), message(14, nil)
	inNode := func(field []byte) []byte { return message(7, message(1, repeated(field, size))) }
	described := func(text string) []byte {
		m := copies(t, 1)
		return append(m, message(14, append(message(1, []byte(MetadataKey)), message(2, []byte(text))...))...)
	}
	for name, data := range map[string][]byte{
		"empty nodes":        message(7, repeated(node, size)),
		"empty constants":    message(7, repeated(tensor, size)),
		"empty inputs":       message(7, repeated(message(11, nil), size)),
		"empty metadata":     repeated(pair, size),
		"inputs of a node":   inNode(message(1, []byte("x"))),
		"names of a node":    inNode(message(3, []byte("x"))),
		"attributes":         inNode(message(5, nil)),
		"whole numbers":      message(7, message(1, message(5, message(8, bytes.Repeat([]byte{1}, size))))),
		"dimensions":         message(7, message(5, message(1, bytes.Repeat([]byte{1}, size)))),
		"weights used anew":  copies(t, 1000),
		"ever more values":   widened(t, 60),
		"a long description": described(`{"input":{"bands":[` + strings.Repeat(`"",`, size/3) + `""]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			if got, most := allocated(func() { _, _ = NewPredictor(data) }), LoadBytes(int64(len(data)))-int64(len(data)); got > most {
				t.Errorf("%d bytes are allocated for a file of %d, more than %d", got, len(data), most)
			}
			if _, err := NewPredictor(data); !errors.Is(err, onnx.ErrFormat) {
				t.Errorf("error %v, want %v", err, onnx.ErrFormat)
			}
		})
	}
}

// allocated is how many bytes are allocated in all while f runs, which bounds what it has at any time.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// The largest networks are well within what is counted for them, and within the bounds of the reader.
func TestALargeModelIsLoadedWithinWhatIsCounted(t *testing.T) {
	for task, bands := range map[Task]int{Classification: 64, Segmentation: 64} {
		graph, err := NewGraph(task, SizeLarge, bands, 256, 256)
		if err != nil {
			t.Fatal(err)
		}
		exported, err := onnx.Export(nn.NewModel(graph, 1), "test")
		if err != nil {
			t.Fatal(err)
		}
		about := fmt.Sprintf(`{"task":%q,"numClasses":256,"input":{"bands":["x"%s]}}`, task, strings.Repeat(`,"x"`, bands-1))
		data := onnx.Marshal(&onnx.Model{Graph: exported, Metadata: []onnx.Metadata{{Key: MetadataKey, Value: about}}})
		var p *Predictor
		got := allocated(func() { p, err = NewPredictor(data) })
		if err != nil {
			t.Fatal(err)
		}
		if most := LoadBytes(int64(len(data))) - int64(len(data)); got > most {
			t.Errorf("%s: %d bytes are allocated for a file of %d, more than %d", task, got, len(data), most)
		}
		checkPlanned(t, p, int64(len(data)))
	}
}

// checkPlanned predicts, and compares what is allocated with what was said before.
func checkPlanned(t *testing.T, p *Predictor, size int64) {
	t.Helper()
	const side = 64
	said, err := p.Bytes(1, side)
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]float32, p.network.Graph.Bands*side*side)
	got := allocated(func() { _, err = p.Predict(t.Context(), 1, side, pixels) })
	if most := said + p.KeptBytes(size) - size; err != nil || got > most {
		t.Errorf("predicting allocates %d bytes, and %d were counted (%v)", got, most, err)
	}
}
