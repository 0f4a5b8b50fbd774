// Package access decides who may do what through the HTTP API: who a caller is says the API server by TokenReview, and what a
// caller may do by SubjectAccessReview on the TrainingJobs of a namespace. So RBAC governs both ways in alike.
package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"
)

// NamespaceHeader is the header that names the namespace to work in. Without it, it is the one of the caller's service
// account.
const NamespaceHeader = "Swath-Namespace"

// Verb is a right on the TrainingJobs of a namespace, in the words of Kubernetes.
type Verb string

// The rights that the calls of the API need.
const (
	Get    Verb = "get"
	List   Verb = "list"
	Create Verb = "create"
	Patch  Verb = "patch"
	Delete Verb = "delete"
)

// Caller is who makes a request, and in which namespace.
type Caller struct {
	// Name is the user's name, such as system:serviceaccount:ships:default.
	Name      string
	Namespace string

	user user.Info
}

// Gate lets requests in.
type Gate interface {
	// Identify tells who makes a request and in which namespace; the error is
	// ErrUnauthenticated, a *NamespaceError, a *TooManyTokensError, or one of the API server.
	Identify(r *http.Request) (Caller, error)
	// Allow returns nil when the caller has the right, a *DeniedError when not,
	// or an error of the API server.
	Allow(ctx context.Context, caller Caller, verb Verb) error
}

// ErrUnauthenticated means that a request has no valid token.
var ErrUnauthenticated = errors.New("not authenticated")

// NamespaceError is a request that names no namespace, or none that can be.
type NamespaceError struct{ Message string }

func (e *NamespaceError) Error() string { return e.Message }

// DeniedError is a caller that lacks a right.
type DeniedError struct {
	Caller Caller
	Verb   Verb
	// Reason is what the API server says about it; it may be empty.
	Reason string
}

func (e *DeniedError) Error() string {
	text := fmt.Sprintf("%s may not %s trainingjobs.training.swath.dev in namespace %s", e.Caller.Name, e.Verb, e.Caller.Namespace)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// NamespacePattern is RFC 1123's label, which names of namespaces are, and MaxNamespace the largest length of one.
const (
	NamespacePattern = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	MaxNamespace     = 63
)

var namespaceName = regexp.MustCompile(NamespacePattern)

// namespaceOf is the namespace that the header names, or fallback.
func namespaceOf(header http.Header, fallback string) (string, error) {
	namespace := fallback
	switch given := header.Values(NamespaceHeader); {
	case len(given) > 1:
		return "", &NamespaceError{fmt.Sprintf("The header %s comes %d times: give it once", NamespaceHeader, len(given))}
	case len(given) == 1:
		namespace = given[0]
	case fallback == "":
		return "", &NamespaceError{"The token is not a service account's, so the header " + NamespaceHeader + " has to name the namespace to work in"}
	}
	if len(namespace) > MaxNamespace || !namespaceName.MatchString(namespace) {
		return "", &NamespaceError{fmt.Sprintf("The header %s is %.80q, which is no name of a namespace", NamespaceHeader, namespace)}
	}
	return namespace, nil
}

// bearerToken is the token of a request, or nothing.
func bearerToken(header http.Header) string {
	scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
