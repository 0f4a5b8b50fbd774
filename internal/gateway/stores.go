package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/storage"
)

// ConfiguredStores are the storages that the operator's configuration has for the namespaces. Each is opened once.
type ConfiguredStores struct {
	// Config is the operator's configuration.
	Config *config.Config
	// VolumesDir may have the volumes of file:// storage, as NAMESPACE/CLAIM; without one there the URL's own path is used.
	VolumesDir string
	// S3Profiles adds the namespace as the profile of s3:// storage, so that the file AWS_SHARED_CREDENTIALS_FILE can have
	// credentials for each.
	S3Profiles bool
	// Patience is for how long storage may leave one step without an answer; storage.DefaultPatience when 0.
	Patience time.Duration

	opening singleflight.Group
	mutex   sync.Mutex
	open    map[string]*storage.Store
}

// Store is the storage of a namespace.
func (c *ConfiguredStores) Store(ctx context.Context, namespace string) (*storage.Store, error) {
	configured := c.Config.StorageFor(namespace)
	if configured == nil {
		return nil, &callError{status: http.StatusForbidden, detail: fmt.Sprintf("The namespace %s has no storage: ask those who run Swath for it", namespace)}
	}
	if store := c.opened(namespace); store != nil {
		return store, nil
	}
	// Opening may take a while, and must not hold up other namespaces.
	_, err, _ := c.opening.Do(namespace, func() (any, error) {
		if c.opened(namespace) != nil {
			return nil, nil
		}
		location, err := c.location(configured, namespace)
		if err != nil {
			return nil, err
		}
		// The bucket outlives the request that needs it first.
		store, err := storage.Open(context.WithoutCancel(ctx), location, namespace, storage.WithPatience(c.Patience))
		if err == nil {
			c.keep(namespace, store)
		}
		return nil, err
	})
	return c.opened(namespace), err
}

func (c *ConfiguredStores) opened(namespace string) *storage.Store {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.open[namespace]
}

func (c *ConfiguredStores) keep(namespace string, store *storage.Store) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.open == nil {
		c.open = map[string]*storage.Store{}
	}
	c.open[namespace] = store
}

// Close closes what was opened.
func (c *ConfiguredStores) Close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for namespace, store := range c.open {
		_ = store.Close()
		delete(c.open, namespace)
	}
}

// location is the bucket's URL as the gateway sees it.
func (c *ConfiguredStores) location(configured *config.Storage, namespace string) (string, error) {
	parsed, err := url.Parse(configured.URL)
	if err != nil {
		return "", fmt.Errorf("%w: %q is not a bucket URL", storage.ErrConfiguration, configured.URL)
	}
	switch {
	case parsed.Scheme == "file" && c.VolumesDir != "":
		own := filepath.Join(c.VolumesDir, namespace, configured.PersistentVolumeClaim)
		if info, err := os.Stat(own); err == nil && info.IsDir() {
			parsed.Path = own
		}
	case parsed.Scheme == "s3" && c.S3Profiles:
		query := parsed.Query()
		query.Set("profile", namespace)
		parsed.RawQuery = query.Encode()
	}
	return parsed.String(), nil
}
