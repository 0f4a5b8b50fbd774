package training

import (
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
)

func TestBytesForPeople(t *testing.T) {
	for n, want := range map[int64]string{1: "1 KiB", 5 << 20: "5 MiB", 5<<20 + 1: "6 MiB", 3 << 29: "1.5 GiB", 20 << 30: "20 GiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}

func TestTheMachineSaysHowMuchMemoryThereIs(t *testing.T) {
	if limit := MemoryLimit(); limit < 64<<20 {
		t.Errorf("this process may use %d bytes", limit)
	}
	if now, peak := ResidentMemory(), PeakMemory(); peak < now || now < 1<<20 {
		t.Errorf("peak %d, now %d bytes", peak, now)
	}
}

func TestTheLargestBatchIsTheLoaders(t *testing.T) {
	f, err := dataset.Open(olinda + "classification-validation.h5")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1; size <= 120; size++ {
		l, err := dataset.NewLoader(t.Context(), f.All(), dataset.LoaderOptions{BatchSize: size})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := largestBatch(f.Len(), size), l.MaxBatch(); got != want {
			t.Errorf("in batches of %d the largest is %d, want %d", size, got, want)
		}
	}
}
