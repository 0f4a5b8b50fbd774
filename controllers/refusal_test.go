package controllers

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// What the API server says about a Pod is either a refusal that the user has to know,
// or a trouble of the API server's own, which is no matter of the job.
func TestWhatIsARefusal(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	said := func(code int32, message string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Message: message}}
	}
	terminating := &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Message: "namespace team is being terminated",
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}},
	}}
	cases := map[string]struct {
		err error
		// want is the reason, empty for no refusal.
		want string
	}{
		"a quota": {apierrors.NewForbidden(pods, "x", errors.New("exceeded quota: team")), v1alpha1.ReasonQuotaExceeded},
		"a service account that is not there": {
			apierrors.NewForbidden(pods, "x", errors.New(`error looking up service account team/trainer: serviceaccount "trainer" not found`)),
			v1alpha1.ReasonAdmissionRefused,
		},
		"a Pod that makes no sense":         {apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "x", nil), v1alpha1.ReasonAdmissionRefused},
		"a request that makes no sense":     {apierrors.NewBadRequest("unknown field"), v1alpha1.ReasonAdmissionRefused},
		"a webhook with a code of its own":  {said(http.StatusTeapot, `admission webhook "a.example.com" denied the request: no`), v1alpha1.ReasonAdmissionRefused},
		"a webhook that is away":            {said(http.StatusInternalServerError, `failed calling webhook "a.example.com": connection refused`), v1alpha1.ReasonAdmissionRefused},
		"an API server that is busy":        {apierrors.NewTooManyRequests("slow down", 1), ""},
		"an API server that fails":          {said(http.StatusInternalServerError, "etcdserver: leader changed"), ""},
		"an API server that takes too long": {apierrors.NewTimeoutError("try again", 1), ""},
		"a conflict about the quota":        {apierrors.NewConflict(schema.GroupResource{Resource: "resourcequotas"}, "team", errors.New("modified")), ""},
		"a namespace that is going":         {terminating, ""},
		"a connection that is cut":          {errors.New("connection reset by peer"), ""},
		"an operator that is not let in":    {apierrors.NewUnauthorized("token expired"), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := refusedBy(fmt.Errorf("making Pod x: %w", c.err))
			var refused *refusedError
			got := ""
			if errors.As(err, &refused) {
				got = refused.refusal.Reason
			}
			if got != c.want {
				t.Errorf("the reason is %q, want %q: %v", got, c.want, err)
			}
		})
	}
}
