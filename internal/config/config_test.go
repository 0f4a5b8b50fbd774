package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/config"
)

const least = `
trainer: {image: example.com/trainer:1}
storage: [{url: "s3://bucket"}]
`

func TestTheConfigurationsThatAreInstalledAreValid(t *testing.T) {
	for _, folder := range []string{"configuration", "local"} {
		if _, err := config.Load(filepath.Join("..", "..", "config", folder, "config.yaml")); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	c, err := config.Parse([]byte(least + "train: {resources: {limits: {memory: 8Gi}}}\nretry: {backoffInitial: 1s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Train.Resources.Limits.Memory().String() != "8Gi" || c.Train.Resources.Limits.Cpu().IsZero() {
		t.Errorf("the limits are %v", c.Train.Resources.Limits)
	}
	if c.Retry.BackoffInitial.Duration != time.Second || c.Retry.BackoffMax.Duration != 10*time.Minute {
		t.Errorf("the retries are %+v", c.Retry)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	cases := map[string]struct{ text, says string }{
		"an unknown field":            {least + "limit: {runningJobs: 3}", `unknown field "limit"`},
		"an unknown field inside":     {least + "limits: {running: 3}", `unknown field "limits.running"`},
		"a word for a number":         {least + "limits: {runningJobs: three}", "runningJobs"},
		"no image":                    {`storage: [{url: "s3://bucket"}]`, "trainer.image is required"},
		"no storage":                  {`trainer: {image: a}`, "storage needs at least one entry"},
		"no URL":                      {"trainer: {image: a}\nstorage: [{url: bucket}]", `storage[0].url "bucket" is not a bucket URL`},
		"credentials in a URL":        {"trainer: {image: a}\nstorage: [{url: \"s3://key:secret@bucket\"}]", "must not hold credentials"},
		"files without a volume":      {"trainer: {image: a}\nstorage: [{url: \"file:///swath/storage\"}]", "needs persistentVolumeClaim"},
		"a namespace twice":           {"trainer: {image: a}\nstorage: [{url: \"s3://a\", namespaces: [x]}, {url: \"s3://b\", namespaces: [x]}]", "storage[0] and storage[1] are both for the namespace x"},
		"two for all others":          {"trainer: {image: a}\nstorage: [{url: \"s3://a\"}, {url: \"s3://b\"}]", "(all others)"},
		"a negative limit":            {least + "limits: {runningJobs: -1}", "limits must not be negative"},
		"a back-off that shrinks":     {least + "retry: {backoffInitial: 1h}", "at most retry.backoffMax"},
		"a time without a unit":       {least + "retry: {backoffInitial: 10}", "retry.backoffInitial"},
		"nobody who works":            {least + "controller: {workers: 0}", "controller: workers"},
		"a folder of a byte":          {least + "train: {workDirSize: 20m}", "train.workDirSize is 20m, a fraction of a byte: did you mean 20Mi?"},
		"half a byte":                 {least + "train: {resources: {limits: {memory: 512m}}}", "train.resources.limits.memory is 512m, a fraction of a byte: did you mean 512Mi?"},
		"too little for a trainer":    {least + "train: {resources: {requests: {memory: 1Mi}, limits: {memory: 1Mi}}}", "train.resources.limits.memory is 1Mi"},
		"a request above its limit":   {least + "prepare: {resources: {requests: {cpu: 3}}}", "prepare.resources.requests.cpu is 3, above limits.cpu, which is 2"},
		"a negative time limit":       {least + "prepare: {timeout: -1s}", "prepare.timeout must not be negative"},
		"a folder of no size":         {least + "train: {workDirSize: \"0\"}", "train.workDirSize must be greater than 0"},
		"more than one wrong, in one": {"storage: []", "trainer.image is required\nstorage needs"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v, want %q", err, c.says)
			}
		})
	}
}

func TestANamespaceHasItsOwnStorageOrThatOfAllOthers(t *testing.T) {
	c, err := config.Parse([]byte("trainer: {image: a}\nstorage: [{url: \"s3://all\"}, {url: \"s3://theirs\", namespaces: [x, w]}]"))
	if err != nil {
		t.Fatal(err)
	}
	for namespace, want := range map[string]string{"x": "s3://theirs", "w": "s3://theirs", "z": "s3://all"} {
		if got := c.StorageFor(namespace); got == nil || got.URL != want {
			t.Errorf("the storage of %s is %+v, want %s", namespace, got, want)
		}
	}
	c.Storage = c.Storage[1:]
	if got := c.StorageFor("z"); got != nil {
		t.Errorf("the storage of z is %+v, want none", got)
	}
}
