package dataset

import "slices"

// fits checks that a validation file is of the same kind as the training file.
func fits(training, other *File) error {
	t, o := training.summary, other.summary
	switch {
	case !slices.Equal(t.Bands, o.Bands):
		return other.invalid(-1, RuleValidation, "its bands are %q, but those of the training file are %q; both need the same bands in the same order", o.Bands, t.Bands)
	case t.Platform != o.Platform:
		return other.invalid(-1, RuleValidation, "its platform is %q, but that of the training file is %q; both must be of one platform", o.Platform, t.Platform)
	case t.GSD != o.GSD:
		return other.invalid(-1, RuleValidation, "its gsd is %v, but that of the training file is %v; resample one of them", o.GSD, t.GSD)
	case !slices.Equal(t.Shape, o.Shape):
		return other.invalid(-1, RuleValidation, "its chips are %s, but those of the training file are %s; cut them to one size", times(o.Shape), times(t.Shape))
	}
	return nil
}
