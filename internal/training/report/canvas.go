package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// resolution of the pictures: sharp on today's screens at the size that the report shows them.
const resolution = 144

// newCanvas makes a white picture of a size on paper.
func newCanvas(width, height vg.Length) (*vgimg.Canvas, draw.Canvas) {
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(resolution), vgimg.UseBackgroundColor(color.White))
	return c, draw.New(c)
}

// encode gives the picture as PNG.
func encode(c *vgimg.Canvas) ([]byte, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, c.Image()); err != nil {
		return nil, fmt.Errorf("encoding a picture: %w", err)
	}
	return out.Bytes(), nil
}

// sans is the font of all pictures.
func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// label is how text of a size is drawn.
func label(size vg.Length, align draw.XAlignment) text.Style {
	return text.Style{Color: ink, Font: sans(size), XAlign: align, YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
}

// drawImage draws an image with its pixels as squares, its upper left corner at x, y (y grows upwards).
func drawImage(c draw.Canvas, img image.Image, x, y, side vg.Length) {
	// Each pixel is enlarged before drawing, since the canvas would smooth it.
	pixels := int(side.Dots(resolution))
	scale := max(1, pixels/img.Bounds().Dx())
	c.DrawImage(vg.Rectangle{Min: vg.Point{X: x, Y: y - side}, Max: vg.Point{X: x + side, Y: y}}, enlarge(img, scale))
}

// enlarge makes each pixel a square of so many pixels a side.
func enlarge(img image.Image, scale int) image.Image {
	b := img.Bounds()
	large := image.NewNRGBA(image.Rect(0, 0, b.Dx()*scale, b.Dy()*scale))
	for y := range b.Dy() * scale {
		for x := range b.Dx() * scale {
			large.Set(x, y, img.At(b.Min.X+x/scale, b.Min.Y+y/scale))
		}
	}
	return large
}

// fill paints a rectangle whose upper left corner is at x, y.
func fill(c draw.Canvas, tone color.Color, x, y, width, height vg.Length) {
	c.FillPolygon(tone, []vg.Point{{X: x, Y: y}, {X: x + width, Y: y}, {X: x + width, Y: y - height}, {X: x, Y: y - height}})
}
