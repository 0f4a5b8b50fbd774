package manifest

import (
	"errors"
	"strings"
	"testing"
)

// Manifests come from storage that others can write to.
func TestPartsOfAnyManifestAreReadWithinBounds(t *testing.T) {
	for name, c := range map[string]struct {
		data  string
		parts int
		wrong string
	}{
		"ours":            {`{"formatVersion":1,"parts":[{"name":"a","bytes":1,"sha256":"b"},{"name":"c"}],"run":{}}`, 2, ""},
		"a newer version": {`{"formatVersion":9,"metrics":7,"parts":[{"name":"a"}]}`, 1, ""},
		"no parts":        {`{"framework":"another"}`, 0, ""},
		"null":            {`{"parts":null}`, 0, ""},
		"parts of a kind": {`{"parts":{"a":"b"}}`, 0, ""},
		"as many as fit":  {`{"parts":[` + strings.Repeat(`{},`, 255) + `{}]}`, 1, ""},
		"too many":        {`{"parts":[` + strings.Repeat(`{},`, 1<<20) + `{}]}`, 0, "it lists more than 256 parts"},
		"no JSON":         {`<html>`, 0, "invalid character"},
		"another type":    {`{"parts":[{"bytes":"many"}]}`, 0, "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := Parts([]byte(c.data))
			if len(parts) != c.parts || (err != nil) != (c.wrong != "") {
				t.Fatalf("it lists %v (%v)", parts, err)
			}
			if _, damaged := errors.AsType[*DamagedError](err); c.wrong != "" && (!damaged || !strings.Contains(err.Error(), "model.json is damaged: ") || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("the error is %v, want one that says %q", err, c.wrong)
			}
		})
	}
}
