package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/checkpoint"
	"github.com/swath-dev/swath/internal/training/report"
)

// csvSink writes a row for each chip.
type csvSink struct {
	out   *csv.Writer
	about training.About
}

func newCSVSink(w io.Writer, about training.About) *csvSink { return &csvSink{csv.NewWriter(w), about} }

func (s *csvSink) begin(int) error {
	header, column := []string{"sample", "class"}, "probability_"
	if s.about.Task == dataset.Segmentation {
		header, column = []string{"sample"}, "share_"
	}
	for class := range s.about.NumClasses {
		header = append(header, column+strconv.Itoa(class))
	}
	return s.out.Write(header)
}

func (s *csvSink) add(sample int, p training.Prediction) error {
	record := []string{strconv.Itoa(sample)}
	if p.Classes == nil {
		record = append(record, strconv.Itoa(p.Class))
		for _, probability := range p.Probabilities {
			record = append(record, strconv.FormatFloat(float64(probability), 'f', 6, 32))
		}
		return s.out.Write(record)
	}
	counts := make([]int, s.about.NumClasses)
	for _, class := range p.Classes {
		counts[class]++
	}
	for _, n := range counts {
		record = append(record, strconv.FormatFloat(float64(n)/float64(len(p.Classes)), 'f', 6, 64))
	}
	return s.out.Write(record)
}

func (s *csvSink) end() error {
	s.out.Flush()
	return s.out.Error()
}

// jsonSink writes {"labels": […]} as the HTTP API answers inference, chip by chip, so that a large file needs no memory.
type jsonSink struct {
	out  *bufio.Writer
	side int
}

func newJSONSink(w io.Writer) *jsonSink { return &jsonSink{out: bufio.NewWriter(w)} }

func (s *jsonSink) begin(side int) error {
	s.side = side
	_, err := s.out.WriteString(`{"labels":[`)
	return err
}

func (s *jsonSink) add(sample int, p training.Prediction) error {
	var value any = p.Class
	if p.Classes != nil {
		rows := make([][]int, s.side)
		for y := range rows {
			for _, class := range p.Classes[y*s.side : (y+1)*s.side] {
				rows[y] = append(rows[y], int(class))
			}
		}
		value = rows
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if sample > 0 {
		text = append([]byte(","), text...)
	}
	_, err = s.out.Write(text)
	return err
}

func (s *jsonSink) end() error {
	if _, err := s.out.WriteString("]}\n"); err != nil {
		return err
	}
	return s.out.Flush()
}

// pngSink writes a picture for each chip. Its palette has the colours of the report, and its indices are the classes, so
// that programs can read it as well.
type pngSink struct {
	folder  string
	classes int
	side    int
}

func (s *pngSink) begin(side int) error {
	s.side = side
	return os.MkdirAll(s.folder, 0o777)
}

func (s *pngSink) add(sample int, p training.Prediction) error {
	img := image.NewPaletted(image.Rect(0, 0, s.side, s.side), report.Palette(s.classes))
	copy(img.Pix, p.Classes)
	path := filepath.Join(s.folder, fmt.Sprintf("sample-%06d.png", sample))
	err := checkpoint.WriteFile(path, func(w io.Writer) error { return png.Encode(w, img) })
	if err != nil {
		return fmt.Errorf("writing the picture of sample %d: %w", sample, err)
	}
	return nil
}

func (s *pngSink) end() error { return nil }
