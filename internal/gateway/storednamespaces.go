package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/swath-dev/swath/internal/storage"
)

// Named are the namespaces that the configuration names, and those whose volume is mounted.
func (c *ConfiguredStores) Named() []string {
	var names []string
	for i := range c.Config.Storage {
		configured := &c.Config.Storage[i]
		names = append(names, configured.Namespaces...)
		if c.VolumesDir == "" || configured.PersistentVolumeClaim == "" {
			continue
		}
		// The only error is that of a malformed pattern, which no path of these is.
		volumes, _ := filepath.Glob(filepath.Join(c.VolumesDir, "*", configured.PersistentVolumeClaim))
		for _, volume := range volumes {
			names = append(names, filepath.Base(filepath.Dir(volume)))
		}
	}
	return distinct(names)
}

// Stored are the namespaces that the buckets have a prefix of, whether the cluster has them or not. The error joins those of
// the buckets that may not be listed.
func (c *ConfiguredStores) Stored(ctx context.Context) ([]string, error) {
	var names []string
	var failed []error
	for i := range c.Config.Storage {
		configured := &c.Config.Storage[i]
		if parsed, err := url.Parse(configured.URL); err != nil || c.isElsewhere(parsed) {
			continue
		}
		prefixes, err := storage.Prefixes(ctx, configured.URL)
		if err != nil {
			failed = append(failed, fmt.Errorf("looking for namespaces in storage: %w", err))
			continue
		}
		for _, prefix := range prefixes {
			if len(validation.IsDNS1123Label(prefix)) == 0 && c.Config.StorageFor(prefix) == configured {
				names = append(names, prefix)
			}
		}
	}
	return distinct(names), errors.Join(failed...)
}

// isElsewhere tells whether the URL's folder is there only in the Pods of the namespaces, which have a volume each.
func (c *ConfiguredStores) isElsewhere(parsed *url.URL) bool {
	if parsed.Scheme != "file" || c.VolumesDir == "" {
		return false
	}
	_, err := os.Stat(parsed.Path)
	return err != nil
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
