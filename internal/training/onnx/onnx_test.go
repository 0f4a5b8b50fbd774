package onnx

import (
	"errors"
	"reflect"
	"testing"
)

func small() *Model {
	return &Model{
		Producer: "swath", ProducerVersion: "1",
		Metadata: []Metadata{{"task", "classification"}, {"bands", `["red"]`}},
		Graph: Graph{
			Name: "g",
			Nodes: []Node{
				{Name: "n0", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"}, Attributes: []Attribute{
					Ints("pads", 1, 1, 1, 1), Int("group", 1), String("auto_pad", "NOTSET"),
				}},
			},
			Initializers: []Tensor{
				{Name: "w", Dims: []int64{1, 1, 1, 2}, Floats: []float32{1.5, -2}},
				{Name: "axes", Dims: []int64{2}, Ints: []int64{-1, 3}},
			},
			Inputs:  []Value{{"x", []Dim{{Name: "batch"}, {Size: 1}, {Name: "height"}, {Name: "width"}}}},
			Outputs: []Value{{"y", []Dim{{Name: "batch"}, {Size: 1}}}},
		},
	}
}

func TestUnmarshalGivesWhatWasMarshalled(t *testing.T) {
	want := small()
	got, err := Unmarshal(Marshal(want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestWhatIsNotAModelIsAnError(t *testing.T) {
	whole := Marshal(small())
	short := small()
	short.Graph.Initializers[0].Dims = []int64{3}
	huge := small()
	huge.Graph.Initializers[0].Dims = []int64{1 << 40, 1 << 40}
	cases := map[string][]byte{
		"empty":                    nil,
		"text":                     []byte("this is no model"),
		"cut short":                whole[:len(whole)/2],
		"weights that are missing": Marshal(short),
		"dimensions out of bounds": Marshal(huge),
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Unmarshal(data); !errors.Is(err, ErrFormat) {
				t.Errorf("error %v, want %v", err, ErrFormat)
			}
		})
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(Marshal(small()))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = Unmarshal(data) })
}
