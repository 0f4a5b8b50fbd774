package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/swath-dev/swath/internal/training/results"
)

// curve is a figure of each epoch.
type curve func(results.Evaluation) float64

// learningCurves draws loss and score by epoch, of training and validation; the chosen epoch is marked.
func learningCurves(rows []results.Row, score string, chosen int) ([]byte, error) {
	canvas, c := newCanvas(9*vg.Inch, 3.4*vg.Inch)
	loss, err := panel("Loss", rows, chosen, func(e results.Evaluation) float64 { return e.Loss })
	if err != nil {
		return nil, err
	}
	quality, err := panel(scoreTitle(score), rows, chosen, scoreOf(score))
	if err != nil {
		return nil, err
	}
	quality.Legend.Top = false
	quality.Y.Max = 1
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: 0.3 * vg.Inch, PadLeft: 4, PadRight: 12, PadTop: 6, PadBottom: 4}
	grid := [][]*plot.Plot{{loss, quality}}
	for col, canvas := range plot.Align(grid, tiles, c)[0] {
		grid[0][col].Draw(canvas)
	}
	return encode(canvas)
}

func scoreTitle(score string) string {
	if score == "meanIoU" {
		return "Mean IoU"
	}
	return "Accuracy"
}

func scoreOf(score string) curve {
	if score == "meanIoU" {
		return func(e results.Evaluation) float64 { return e.MeanIoU }
	}
	return func(e results.Evaluation) float64 { return e.Accuracy }
}

// panel is one plot of a figure by epoch.
func panel(title string, rows []results.Row, chosen int, of curve) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = title, "epoch"
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font, style.Color = sans(9), ink
	}
	p.Title.TextStyle.Font = sans(11)
	p.Legend.Top, p.Legend.Padding, p.Legend.XOffs = true, 2, -4
	p.X.Color, p.Y.Color, p.X.Tick.Color, p.Y.Tick.Color = ink, ink, ink, ink
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Transparent, faint
	p.Add(grid)

	var train, valid plotter.XYs
	for _, r := range rows {
		train = append(train, plotter.XY{X: float64(r.Epoch), Y: of(r.Train)})
		if r.Valid != nil {
			valid = append(valid, plotter.XY{X: float64(r.Epoch), Y: of(*r.Valid)})
		}
	}
	if err := addCurve(p, "training", train, trainTone); err != nil {
		return nil, err
	}
	if err := addCurve(p, "validation", valid, validTone); err != nil {
		return nil, err
	}
	p.X.Min, p.X.Max = min(1, p.X.Min), max(2, p.X.Max)
	return p, addMark(p, chosen, train, valid)
}

func addCurve(p *plot.Plot, name string, points plotter.XYs, tone color.Color) error {
	if len(points) == 0 {
		return nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("drawing the curve of %s: %w", name, err)
	}
	line.Color, line.Width = tone, vg.Points(1.6)
	p.Add(line)
	p.Legend.Add(name, line)
	return nil
}

// addMark marks the chosen epoch on the validation curve, or without one on the training curve.
func addMark(p *plot.Plot, chosen int, train, valid plotter.XYs) error {
	points := valid
	if len(points) == 0 {
		points = train
	}
	for _, point := range points {
		if int(math.Round(point.X)) != chosen {
			continue
		}
		mark, err := plotter.NewScatter(plotter.XYs{point})
		if err != nil {
			return fmt.Errorf("marking epoch %d: %w", chosen, err)
		}
		mark.GlyphStyle = draw.GlyphStyle{Color: markTone, Radius: vg.Points(4), Shape: draw.CircleGlyph{}}
		p.Add(mark)
		p.Legend.Add(fmt.Sprintf("chosen (epoch %d)", chosen), mark)
	}
	return nil
}
