package storage

import (
	"fmt"
	"regexp"
)

// MaxName is the largest length of a name in bytes, and NamePattern the rule for
// one element of a key: it cannot be empty, hidden, or lead out of its folder.
// The TrainingJob's schema has the same rule.
const (
	MaxName     = 128
	NamePattern = `^[A-Za-z0-9]([A-Za-z0-9_-]|[.][A-Za-z0-9_-])*$`
)

var name = regexp.MustCompile(NamePattern)

// CheckName tells whether s can be the name of a file, a model, a job or a part.
func CheckName(s string) error {
	if len(s) > MaxName || !name.MatchString(s) {
		return fmt.Errorf("%w: %q is not a name: use 1 to %d letters, digits, '-', '_' and single dots, beginning with a letter or digit", ErrConfiguration, s, MaxName)
	}
	return nil
}

// key joins elements to a key after checking that each is a name.
func key(folder string, elements ...string) (string, error) {
	k := folder
	for _, element := range elements {
		if err := CheckName(element); err != nil {
			return "", err
		}
		k += "/" + element
	}
	return k, nil
}

// isName is CheckName for those that pass over what others have put there.
func isName(s string) bool { return CheckName(s) == nil }
