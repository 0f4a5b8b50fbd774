package dataset

import "fmt"

// MaxClasses is the most classes that there may be; with an ignored label it is
// one less.
const MaxClasses = 256

// Ignored is what a Batch has in place of labels that are to be left out.
const Ignored = -1

// labelRule says which labels are valid.
type labelRule struct {
	// classes is the number of classes; 0: not known yet, up to MaxClasses.
	classes int
	ignore  *int64
}

func (r labelRule) limit() int {
	switch {
	case r.classes > 0:
		return r.classes
	case r.ignore != nil:
		return MaxClasses - 1
	}
	return MaxClasses
}

// class turns a label into a class, or into Ignored; ok is false if it is neither.
func (r labelRule) class(label int64) (class int16, ok bool) {
	if r.ignore != nil && label == *r.ignore {
		return Ignored, true
	}
	if label < 0 || label >= int64(r.limit()) {
		return 0, false
	}
	return int16(label), true
}

// complaint says what is wrong with a label at a place (" at row 3, column 5", or
// empty).
func (r labelRule) complaint(label int64, place string) string {
	switch {
	case label < 0:
		return fmt.Sprintf("label %d%s is negative; labels are classes from 0 on; "+
			"what is to be left out needs another number, such as 255, that is then given as ignoreLabel", label, place)
	case r.classes > 0:
		return fmt.Sprintf("label %d%s is not below the number of classes, %d; correct the label or raise num_classes", label, place, r.classes)
	}
	return fmt.Sprintf("label %d%s is too large: there can be at most %d classes, from 0 on; number the classes without gaps", label, place, r.limit())
}

// place says where the k-th label of a sample is, if it has more than one.
func (f *File) place(k int) string {
	if f.LabelsPerSample() == 1 && len(f.summary.LabelShape) == 0 {
		return ""
	}
	return fmt.Sprintf(" at row %d, column %d", k/f.Side(), k%f.Side())
}
