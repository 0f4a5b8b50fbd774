package training

import (
	"errors"
	"testing"

	"github.com/swath-dev/swath/internal/nn"
)

// Any chip that a valid file can have fits the network that is made for it.
func TestEverySideAndTaskHasANetwork(t *testing.T) {
	for side := 8; side <= 512; side += 8 {
		for _, task := range []Task{Classification, Segmentation} {
			graph, err := NewGraph(task, SizeSmall, 4, side, 3)
			if err != nil {
				t.Fatalf("%s of %d pixels: %v", task, side, err)
			}
			if _, err := nn.PlanBytes(graph, nn.PlanConfig{Mode: nn.Train, MaxBatch: 2, Height: side, Width: side}); err != nil {
				t.Errorf("%s of %d pixels: %v", task, side, err)
			}
		}
	}
}

func TestSegmentationGoesDownByTheSide(t *testing.T) {
	for side, want := range map[int]int{8: 2, 16: 4, 24: 4, 32: 8, 40: 8, 256: 8} {
		graph, err := NewGraph(Segmentation, SizeSmall, 3, side, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := graph.Factor(); got != want {
			t.Errorf("chips of %d pixels are divided by %d, want %d", side, got, want)
		}
	}
}

func TestLargerSizesHaveMoreWeights(t *testing.T) {
	for _, task := range []Task{Classification, Segmentation} {
		before := 0
		for _, size := range []string{SizeSmall, SizeBase, SizeLarge} {
			graph, err := NewGraph(task, size, 3, 32, 2)
			if err != nil {
				t.Fatal(err)
			}
			n := len(nn.NewModel(graph, 1).Weights)
			if n < 2*before {
				t.Errorf("%s %s has %d weights, the size below %d", task, size, n, before)
			}
			before = n
		}
	}
}

func TestNetworksThatThereAreNot(t *testing.T) {
	for name, c := range map[string]struct {
		task Task
		size string
	}{
		"size": {Classification, "huge"},
		"task": {"detection", SizeSmall},
	} {
		_, err := NewGraph(c.task, c.size, 3, 32, 2)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%s: error %v, want a usage error", name, err)
		}
	}
}
