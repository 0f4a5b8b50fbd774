package dataset

import "math"

// View is a part of a file's samples, in the order of the file.
type View struct {
	f *File
	// samples are the numbers of the samples; nil stands for all.
	samples []int32
}

// All is the view of all samples.
func (f *File) All() *View { return &View{f: f} }

// maxSamples is the most samples of a file that a view can number.
const maxSamples = math.MaxInt32

// File is the file that the view is of.
func (v *View) File() *File { return v.f }

// Len is the number of samples in the view.
func (v *View) Len() int {
	if v.samples == nil {
		return v.f.Len()
	}
	return len(v.samples)
}

// Sample is the number in the file of the view's i-th sample.
func (v *View) Sample(i int) int {
	if v.samples == nil {
		return i
	}
	return int(v.samples[i])
}
