package access

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/token/cache"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/client-go/kubernetes"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// How long answers of the API server hold. A right that is taken away is gone after allowedFor at the latest.
const (
	authenticatedFor   = 30 * time.Second
	unauthenticatedFor = 5 * time.Second
	allowedFor         = 10 * time.Second
	deniedFor          = 5 * time.Second

	reviewTimeout = 10 * time.Second
	// maxToken bounds what is taken for a token, in bytes.
	maxToken = 16 << 10
)

// resource is what rights are asked on.
const resource = "trainingjobs"

// Kubernetes is the Gate that asks the API server.
type Kubernetes struct {
	tokens    authenticator.Token
	newcomers *newcomers
	rights    authorizer.Authorizer
}

// NewKubernetes returns a Gate for tokens that are meant for the given audience. Proxies are the addresses whose X-Forwarded-For
// is believed; without any, all callers behind a proxy count as one address.
func NewKubernetes(client kubernetes.Interface, audience string, proxies ...netip.Prefix) (*Kubernetes, error) {
	tokens := &reviewer{client: client, audience: audience}
	backoff := wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 3}
	rights, err := authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: client.AuthorizationV1(),
		AllowCacheTTL:             allowedFor,
		DenyCacheTTL:              deniedFor,
		WebhookRetryBackoff:       &backoff,
	}.New()
	if err != nil {
		return nil, fmt.Errorf("setting up the review of rights: %w", err)
	}
	return &Kubernetes{tokens: cache.New(tokens, false, authenticatedFor, unauthenticatedFor), newcomers: newNewcomers(proxies), rights: rights}, nil
}

// Identify asks the API server whose token the request has.
func (k *Kubernetes) Identify(r *http.Request) (Caller, error) {
	token := bearerToken(r.Header)
	if token == "" || len(token) > maxToken {
		return Caller{}, ErrUnauthenticated
	}
	if err := k.newcomers.allow(r, token); err != nil {
		return Caller{}, err
	}
	response, ok, err := k.tokens.AuthenticateToken(r.Context(), token)
	if err != nil {
		return Caller{}, fmt.Errorf("asking the API server about a token: %w", err)
	}
	if !ok {
		return Caller{}, ErrUnauthenticated
	}
	k.newcomers.wasGood(token)
	caller := Caller{Name: response.User.GetName(), user: response.User}
	own, _, err := serviceaccount.SplitUsername(caller.Name)
	if err != nil {
		own = "" // Not a service account: the header has to say.
	}
	caller.Namespace, err = namespaceOf(r.Header, own)
	return caller, err
}

// Allow asks the API server for the caller's right.
func (k *Kubernetes) Allow(ctx context.Context, caller Caller, verb Verb) error {
	decision, reason, err := k.rights.Authorize(ctx, authorizer.AttributesRecord{
		User:            caller.user,
		Verb:            string(verb),
		Namespace:       caller.Namespace,
		APIGroup:        v1alpha1.GroupVersion.Group,
		APIVersion:      v1alpha1.GroupVersion.Version,
		Resource:        resource,
		ResourceRequest: true,
	})
	if decision == authorizer.DecisionAllow {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking the API server what %s may do: %w", caller.Name, err)
	}
	return &DeniedError{Caller: caller, Verb: verb, Reason: reason}
}
