// Package metrics computes what is reported about a model's predictions. Everything comes from one confusion matrix of
// integer counts, so that a metric is exact, independent of the order of samples, and repeatable byte for byte.
package metrics

import (
	"encoding/json"
	"fmt"
)

// Confusion counts predictions: the row is the true class, the column the predicted one. For classification it counts
// chips, for segmentation pixels. The zero value has no classes; use [NewConfusion].
type Confusion struct {
	classes int
	counts  []int64
}

// NewConfusion returns an empty matrix for classes numbered 0 to classes-1.
func NewConfusion(classes int) *Confusion {
	return &Confusion{classes: classes, counts: make([]int64, classes*classes)}
}

// Classes is the number of classes.
func (c *Confusion) Classes() int { return c.classes }

// Add counts one prediction. Both classes must be in range.
func (c *Confusion) Add(truth, predicted int) { c.counts[truth*c.classes+predicted]++ }

// Merge adds the counts of another matrix of as many classes.
func (c *Confusion) Merge(other *Confusion) {
	for i, n := range other.counts {
		c.counts[i] += n
	}
}

// Reset sets all counts to zero.
func (c *Confusion) Reset() { clear(c.counts) }

// Clone returns a copy that shares nothing with c.
func (c *Confusion) Clone() *Confusion {
	return &Confusion{classes: c.classes, counts: append([]int64(nil), c.counts...)}
}

// At is the number of samples of class truth that were predicted as class predicted.
func (c *Confusion) At(truth, predicted int) int64 { return c.counts[truth*c.classes+predicted] }

// Truths is the number of samples whose true class is the given one (its support).
func (c *Confusion) Truths(class int) int64 {
	var n int64
	for _, v := range c.counts[class*c.classes : (class+1)*c.classes] {
		n += v
	}
	return n
}

// Predictions is the number of samples that were predicted as the given class.
func (c *Confusion) Predictions(class int) int64 {
	var n int64
	for truth := range c.classes {
		n += c.At(truth, class)
	}
	return n
}

// Total is the number of predictions counted.
func (c *Confusion) Total() int64 {
	var n int64
	for _, v := range c.counts {
		n += v
	}
	return n
}

// MarshalJSON writes the rows of the matrix.
func (c *Confusion) MarshalJSON() ([]byte, error) {
	rows := make([][]int64, c.classes)
	for i := range rows {
		rows[i] = c.counts[i*c.classes : (i+1)*c.classes]
	}
	return json.Marshal(rows)
}

// UnmarshalJSON reads the rows of a square matrix.
func (c *Confusion) UnmarshalJSON(data []byte) error {
	var rows [][]int64
	if err := json.Unmarshal(data, &rows); err != nil {
		return fmt.Errorf("reading a confusion matrix: %w", err)
	}
	read := NewConfusion(len(rows))
	for i, row := range rows {
		if len(row) != len(rows) {
			return fmt.Errorf("reading a confusion matrix: row %d has %d columns, want %d", i, len(row), len(rows))
		}
		copy(read.counts[i*len(rows):], row)
	}
	*c = *read
	return nil
}
