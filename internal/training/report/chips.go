package report

import (
	"fmt"
	"image"
	"image/color"
	"maps"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Chip is a validation chip with what the model says of it.
type Chip struct {
	// Sample is its position in its file, from 0.
	Sample int
	// Pixels are raw, bands × side × side.
	Pixels []float32
	Side   int
	// Truth and Predicted have a class for the chip, or one for each pixel; a negative truth is an ignored label.
	Truth, Predicted []int
	// Confidence is the probability of the predicted class (classification), Accuracy the share of right pixels
	// (segmentation).
	Confidence, Accuracy float64
}

// shown picks the bands that a picture shows as red, green and blue.
func shown(bands []string) [3]int {
	find := func(name string) int { return slices.Index(bands, name) }
	red, green, blue := find("red"), find("green"), find("blue")
	switch {
	case red >= 0 && green >= 0 && blue >= 0:
		return [3]int{red, green, blue}
	case len(bands) >= 3:
		return [3]int{0, 1, 2}
	}
	return [3]int{0, 0, 0}
}

// stretch maps raw values to brightness, from the 2nd to the 98th percentile over all chips of the sheet.
type stretch struct {
	bands     [3]int
	low, high [3]float32
}

func newStretch(chips []Chip, bands []string) stretch {
	s := stretch{bands: shown(bands)}
	for i, band := range s.bands {
		var values []float32
		for _, chip := range chips {
			area := chip.Side * chip.Side
			values = append(values, chip.Pixels[band*area:(band+1)*area]...)
		}
		slices.Sort(values)
		if len(values) > 0 {
			s.low[i], s.high[i] = values[len(values)*2/100], values[(len(values)-1)*98/100]
		}
	}
	return s
}

// photograph is the chip as people see it.
func (s stretch) photograph(chip Chip) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, chip.Side, chip.Side))
	area := chip.Side * chip.Side
	for at := range area {
		var tone [3]uint8
		for i, band := range s.bands {
			v := float32(0.5)
			if s.high[i] > s.low[i] {
				v = (chip.Pixels[band*area+at] - s.low[i]) / (s.high[i] - s.low[i])
			}
			tone[i] = uint8(255 * max(0, min(1, v)))
		}
		img.SetNRGBA(at%chip.Side, at/chip.Side, color.NRGBA{tone[0], tone[1], tone[2], 0xff})
	}
	return img
}

// classMap paints a class for each pixel.
func classMap(side int, classes []int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for at, class := range classes {
		tone := ignored
		if class >= 0 {
			tone = classTone(class)
		}
		img.SetNRGBA(at%side, at/side, tone)
	}
	return img
}

// errorMap paints wrong pixels over a pale photograph.
func errorMap(photograph image.Image, truth, predicted []int) image.Image {
	side := photograph.Bounds().Dx()
	img := image.NewNRGBA(photograph.Bounds())
	for at := range truth {
		x, y := at%side, at/side
		r, g, b, _ := photograph.At(x, y).RGBA()
		grey := uint8((r + g + b) / 3 >> 8)
		tone := blend(color.NRGBA{grey, grey, grey, 0xff}, ignored, 0.55)
		if truth[at] >= 0 && truth[at] != predicted[at] {
			tone = markTone
		}
		img.SetNRGBA(x, y, tone)
	}
	return img
}

const (
	chipSide = 1.35 * vg.Inch
	chipGap  = 0.12 * vg.Inch
)

// segmentationSheet shows chips with truth, prediction and errors side by side, two chips in a row.
func segmentationSheet(chips []Chip, bands []string) ([]byte, error) {
	const columns, pictures = 2, 4
	s := newStretch(chips, bands)
	rows := (len(chips) + columns - 1) / columns
	block := pictures*(chipSide+chipGap) + 0.15*vg.Inch
	cell := chipSide + 0.32*vg.Inch
	classes := shownClasses(chips)
	legend := 0.3 * vg.Inch * vg.Length((len(classes)+11)/12)
	width := 0.15*vg.Inch + columns*block
	canvas, c := newCanvas(width, 0.4*vg.Inch+vg.Length(rows)*cell+legend)
	height := c.Max.Y
	for column := range min(columns, len(chips)) {
		for i, title := range []string{"chip", "truth", "prediction", "errors"} {
			x := 0.15*vg.Inch + vg.Length(column)*block + vg.Length(i)*(chipSide+chipGap)
			c.FillText(label(10, draw.XLeft), vg.Point{X: x, Y: height - 0.22*vg.Inch}, title)
		}
	}
	for i, chip := range chips {
		x := 0.15*vg.Inch + vg.Length(i%columns)*block
		y := height - 0.36*vg.Inch - vg.Length(i/columns)*cell
		photograph := s.photograph(chip)
		for k, img := range []image.Image{
			photograph, classMap(chip.Side, chip.Truth), classMap(chip.Side, chip.Predicted), errorMap(photograph, chip.Truth, chip.Predicted),
		} {
			drawImage(c, img, x+vg.Length(k)*(chipSide+chipGap), y, chipSide)
		}
		caption := fmt.Sprintf("sample %d: %s of the pixels right", chip.Sample, percent(chip.Accuracy))
		c.FillText(label(9, draw.XLeft), vg.Point{X: x, Y: y - chipSide - 0.11*vg.Inch}, caption)
	}
	classLegend(c, classes, legend)
	return encode(canvas)
}

// classLegend says which colour is which class, twelve in a row.
func classLegend(c draw.Canvas, classes []int, height vg.Length) {
	for i, class := range classes {
		x := 0.15*vg.Inch + vg.Length(i%12)*0.85*vg.Inch
		y := height - 0.05*vg.Inch - vg.Length(i/12)*0.3*vg.Inch
		fill(c, classTone(class), x, y, 0.14*vg.Inch, 0.14*vg.Inch)
		c.FillText(label(9, draw.XLeft), vg.Point{X: x + 0.2*vg.Inch, Y: y - 0.07*vg.Inch}, fmt.Sprintf("class %d", class))
	}
}

// mistakeSheet shows wrongly classified chips, six in a row.
func mistakeSheet(chips []Chip, bands []string) ([]byte, error) {
	const columns = 6
	s := newStretch(chips, bands)
	rows := (len(chips) + columns - 1) / columns
	cell := chipSide + 0.52*vg.Inch
	canvas, c := newCanvas(0.15*vg.Inch+vg.Length(min(columns, max(3, len(chips))))*(chipSide+chipGap), 0.1*vg.Inch+vg.Length(rows)*cell)
	for i, chip := range chips {
		x := 0.15*vg.Inch + vg.Length(i%columns)*(chipSide+chipGap)
		y := c.Max.Y - 0.1*vg.Inch - vg.Length(i/columns)*cell
		drawImage(c, s.photograph(chip), x, y, chipSide)
		first := fmt.Sprintf("sample %d: class %d", chip.Sample, chip.Truth[0])
		second := fmt.Sprintf("predicted %d (%s sure)", chip.Predicted[0], percent(chip.Confidence))
		c.FillText(label(8, draw.XLeft), vg.Point{X: x, Y: y - chipSide - 0.11*vg.Inch}, first)
		c.FillText(label(8, draw.XLeft), vg.Point{X: x, Y: y - chipSide - 0.27*vg.Inch}, second)
	}
	return encode(canvas)
}

// shownClasses are the classes that chips have, as truth or as prediction, in ascending order.
func shownClasses(chips []Chip) []int {
	seen := map[int]bool{}
	for _, chip := range chips {
		for _, classes := range [][]int{chip.Truth, chip.Predicted} {
			for _, class := range classes {
				if class >= 0 {
					seen[class] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
