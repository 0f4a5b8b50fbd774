package report

import (
	"fmt"
	"image/color"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/swath-dev/swath/internal/training/metrics"
)

// maxLabelled is up to how many classes the cells have room for numbers.
const maxLabelled = 16

// confusionMatrix draws the matrix of the given classes, with each row as shares of its true class.
func confusionMatrix(m *metrics.Confusion, classes []int) ([]byte, error) {
	n := len(classes)
	cell := max(vg.Length(1), min(0.75*vg.Inch, 6*vg.Inch/vg.Length(n)))
	left, top, bottom := 0.95*vg.Inch, 0.55*vg.Inch, 0.15*vg.Inch
	side := cell * vg.Length(n)
	canvas, c := newCanvas(left+max(side, 2*vg.Inch)+0.2*vg.Inch, top+side+bottom)
	height := c.Max.Y
	c.FillText(label(10, draw.XCenter), vg.Point{X: left + side/2, Y: height - 0.18*vg.Inch}, "predicted class")
	c.FillText(label(10, draw.XLeft), vg.Point{X: 0.12 * vg.Inch, Y: height - 0.4*vg.Inch}, "true class")
	every := (n + maxLabelled - 1) / maxLabelled
	for row, truth := range classes {
		y := height - top - cell*vg.Length(row)
		if row%every == 0 {
			c.FillText(label(9, draw.XRight), vg.Point{X: left - 6, Y: y - cell/2}, strconv.Itoa(truth))
			c.FillText(label(9, draw.XCenter), vg.Point{X: left + cell*(vg.Length(row)+0.5), Y: height - top + 9}, strconv.Itoa(truth))
		}
		for column, predicted := range classes {
			x := left + cell*vg.Length(column)
			share := 0.0
			if all := m.Truths(truth); all > 0 {
				share = float64(m.At(truth, predicted)) / float64(all)
			}
			fill(c, cellTone(truth == predicted, share), x+0.5, y-0.5, cell-1, cell-1)
			if n <= maxLabelled {
				cellText(c, share, m.At(truth, predicted), x+cell/2, y-cell/2, cell)
			}
		}
	}
	return encode(canvas)
}

// cellTone is blue for what is right and vermilion for what is wrong, the stronger the more there is of it.
func cellTone(right bool, share float64) color.Color {
	if right {
		return blend(color.NRGBA{0xf0, 0xf4, 0xf8, 0xff}, validTone, share)
	}
	return blend(color.NRGBA{0xf0, 0xf4, 0xf8, 0xff}, markTone, min(1, share*1.5))
}

func cellText(c draw.Canvas, share float64, count int64, x, y, cell vg.Length) {
	style := label(min(10, cell/4.2), draw.XCenter)
	if share > 0.55 {
		style.Color = color.White
	}
	c.FillText(style, vg.Point{X: x, Y: y + cell/7}, percent(share))
	style.Font = sans(min(7.5, cell/6))
	c.FillText(style, vg.Point{X: x, Y: y - cell/5}, short(count))
}

func percent(share float64) string {
	switch {
	case share == 0:
		return "0"
	case share < 0.001:
		return "<0.1 %"
	case share > 0.999 && share < 1:
		return ">99.9 %"
	case share < 0.1:
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// short writes a count in at most five characters.
func short(count int64) string {
	switch {
	case count < 10_000:
		return strconv.FormatInt(count, 10)
	case count < 10_000_000:
		return fmt.Sprintf("%dk", (count+500)/1000)
	}
	return fmt.Sprintf("%dM", (count+500_000)/1_000_000)
}
