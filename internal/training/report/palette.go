package report

import (
	"image/color"
	"math"
)

// The colours of curves and text; they are those of the style sheet of the HTML report.
var (
	ink       = color.NRGBA{0x1f, 0x29, 0x33, 0xff}
	faint     = color.NRGBA{0xd9, 0xe2, 0xec, 0xff}
	trainTone = color.NRGBA{0x82, 0x9a, 0xb1, 0xff}
	validTone = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	markTone  = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	ignored   = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// classTones are colours that people with any colour vision can tell apart (Okabe and Ito, 2008).
var classTones = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0x00, 0x9e, 0x73, 0xff}, // green
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0xcc, 0x79, 0xa7, 0xff}, // purple
	{0xf0, 0xe4, 0x42, 0xff}, // yellow
	{0x56, 0xb4, 0xe9, 0xff}, // sky
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0x40, 0x40, 0x40, 0xff}, // grey
}

// classTone is the colour of a class: one of the list, then hues that are a golden angle apart.
func classTone(class int) color.NRGBA {
	if class < len(classTones) {
		return classTones[class]
	}
	hue := math.Mod(float64(class)*0.618033988749895, 1)
	value := 0.55 + float64(0.4*math.Mod(float64(class)*0.7548776662, 1))
	return fromHue(hue, 0.65, value)
}

// fromHue makes a colour from hue, saturation and value, all in 0 to 1.
func fromHue(hue, saturation, value float64) color.NRGBA {
	channel := func(offset float64) uint8 {
		k := math.Mod(offset+float64(hue*6), 6)
		v := value - float64(value*saturation*max(0, min(k, 4-k, 1)))
		return uint8(math.Round(255 * v))
	}
	return color.NRGBA{channel(5), channel(3), channel(1), 0xff}
}

// blend mixes two colours; at 0 it is a, at 1 it is b.
func blend(a, b color.NRGBA, at float64) color.NRGBA {
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + float64((float64(y)-float64(x))*at))) }
	return color.NRGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

// Palette has the colour of each class.
func Palette(classes int) color.Palette {
	var all color.Palette
	for class := range classes {
		all = append(all, classTone(class))
	}
	return all
}
