package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

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

	// Owner is the UID of a namespace, to which its storage has to belong. When nil nobody looks whose storage is.
	Owner func(ctx context.Context, namespace string) (uid string, err error)

	opening singleflight.Group
	mutex   sync.Mutex
	open    map[string]*storage.Store
	// claimed are the UIDs of the namespaces whose storage is known to be theirs, by name.
	claimed map[string]string
}

// Store is the storage of a namespace, if it belongs to it. That of a new namespace becomes its own.
func (c *ConfiguredStores) Store(ctx context.Context, namespace string) (*storage.Store, error) {
	store, err := c.unchecked(ctx, namespace)
	if err != nil || c.Owner == nil {
		return store, err
	}
	uid, err := c.Owner(ctx, namespace)
	if apierrors.IsNotFound(err) {
		return nil, &callError{status: http.StatusForbidden, detail: fmt.Sprintf("The namespace %s does not exist", namespace), cause: err}
	}
	if err != nil {
		return nil, unlessAnswered(err)
	}
	if c.isClaimed(namespace, uid) {
		return store, nil
	}
	err = store.Claim(ctx, uid)
	if foreign, ok := errors.AsType[*storage.NotOwnerError](err); ok {
		return nil, &callError{status: http.StatusForbidden, cause: err, detail: fmt.Sprintf("The storage of the namespace %s belongs to an earlier namespace of this name (UID %s): "+
			"ask those who run Swath to hand it over", namespace, foreign.Owner)}
	}
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.claimed == nil {
		c.claimed = map[string]string{}
	}
	c.claimed[namespace] = uid
	return store, nil
}

func (c *ConfiguredStores) isClaimed(namespace, uid string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.claimed[namespace] == uid
}

// unchecked is the storage of a namespace, whoever it belongs to.
func (c *ConfiguredStores) unchecked(ctx context.Context, namespace string) (*storage.Store, error) {
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
