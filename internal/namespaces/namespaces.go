// Package namespaces tells the UIDs of namespaces, to which storage belongs: a namespace that is made again with an old name is
// another one.
package namespaces

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// believed is for how long a UID is not read again. A namespace takes longer to go and to be made again.
	believed = time.Second
	// most is how many UIDs are remembered.
	most = 4096
)

// UIDs tells UIDs. The zero value is ready, and safe for concurrent use.
type UIDs struct {
	mutex sync.Mutex
	known map[string]known
}

type known struct {
	uid string
	at  time.Time
}

// Of is the UID of the namespace, read from the API server itself. The error is the API server's NotFound where there is none.
func (u *UIDs) Of(ctx context.Context, live client.Reader, name string) (string, error) {
	began := time.Now()
	u.mutex.Lock()
	last, ok := u.known[name]
	u.mutex.Unlock()
	if ok && began.Sub(last.at) < believed {
		return last.uid, nil
	}
	var namespace metav1.PartialObjectMetadata
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := live.Get(ctx, client.ObjectKey{Name: name}, &namespace); err != nil {
		return "", fmt.Errorf("reading the UID of namespace %s: %w", name, err)
	}
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if u.known == nil || len(u.known) >= most {
		u.known = map[string]known{}
	}
	u.known[name] = known{string(namespace.UID), began}
	return string(namespace.UID), nil
}
