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
	quality.Y.Max = 1
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: 0.3 * vg.Inch, PadLeft: 4, PadRight: 12, PadTop: 6, PadBottom: curveLegendHeight}
	grid := [][]*plot.Plot{{loss, quality}}
	for col, canvas := range plot.Align(grid, tiles, c)[0] {
		grid[0][col].Draw(canvas)
	}
	curveLegend(c, len(rows) > 0 && rows[0].Valid != nil, chosen)
	return encode(canvas)
}

// curveLegendHeight is what the legend takes below both panels, where no curve can run into it.
const curveLegendHeight = 0.32 * vg.Inch

// curveLegend draws what the colours stand for, once for both panels.
func curveLegend(c draw.Canvas, validated bool, chosen int) {
	x, y := c.Min.X+0.5*vg.Inch, c.Min.Y+curveLegendHeight/2
	item := func(name string, draws func(from, to vg.Length)) {
		draws(x, x+0.25*vg.Inch)
		c.FillText(label(9, draw.XLeft), vg.Point{X: x + 0.33*vg.Inch, Y: y}, name)
		x += 1.4 * vg.Inch
	}
	line := func(tone color.Color) func(from, to vg.Length) {
		return func(from, to vg.Length) {
			c.StrokeLine2(draw.LineStyle{Color: tone, Width: curveWidth}, from, y, to, y)
		}
	}
	item("training", line(trainTone))
	if validated {
		item("validation", line(validTone))
	}
	item(fmt.Sprintf("chosen (epoch %d)", chosen), func(from, to vg.Length) {
		c.DrawGlyph(chosenMark, vg.Point{X: (from + to) / 2, Y: y})
	})
}

// curveWidth is how thick a curve is.
const curveWidth = vg.Length(1.6)

// chosenMark marks the chosen epoch.
var chosenMark = draw.GlyphStyle{Color: markTone, Radius: vg.Points(4), Shape: draw.CircleGlyph{}}

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
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font, style.Color = sans(9), ink
	}
	p.Title.TextStyle.Font = sans(11)
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
	if err := addCurve(p, train, trainTone); err != nil {
		return nil, err
	}
	if err := addCurve(p, valid, validTone); err != nil {
		return nil, err
	}
	p.X.Min, p.X.Max = min(1, p.X.Min), max(2, p.X.Max)
	if len(rows) <= fewEpochs {
		p.X.Tick.Marker = wholeTicks(max(2, len(rows)))
	}
	return p, addMark(p, chosen, train, valid)
}

// addCurve draws a line through points; of few epochs the points are drawn as well, since one alone makes no line.
func addCurve(p *plot.Plot, points plotter.XYs, tone color.Color) error {
	if len(points) == 0 {
		return nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("drawing a curve: %w", err)
	}
	line.Color, line.Width = tone, curveWidth
	p.Add(line)
	if len(points) > fewEpochs {
		return nil
	}
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return fmt.Errorf("drawing the points of a curve: %w", err)
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: tone, Radius: vg.Points(2.5), Shape: draw.CircleGlyph{}}
	p.Add(dots)
	return nil
}

// wholeTicks marks each of so many epochs: there is none between two of them.
func wholeTicks(epochs int) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for epoch := range epochs {
		ticks = append(ticks, plot.Tick{Value: float64(epoch + 1), Label: fmt.Sprint(epoch + 1)})
	}
	return ticks
}

// fewEpochs is up to how many epochs each one is drawn as a point.
const fewEpochs = 5

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
		mark.GlyphStyle = chosenMark
		p.Add(mark)
	}
	return nil
}
