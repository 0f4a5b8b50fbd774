package controllers

import (
	"errors"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

// refusedError is a Pod that cannot be made: the user has to know, and nothing is
// gained by trying at once again.
type refusedError struct {
	refusal lifecycle.Refusal
}

// Error is the refusal's sentence.
func (e *refusedError) Error() string { return e.refusal.Message }

// refusedBy makes a refusedError of an error that says that a Pod is not wanted,
// and leaves others, such as an API server that is too busy, as they are.
func refusedBy(err error) error {
	var notAllowed *pods.NotAllowed
	if errors.As(err, &notAllowed) {
		return &refusedError{lifecycle.Refusal{Reason: notAllowed.Reason, Message: notAllowed.Message}}
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return err
	}
	message := status.Status().Message
	switch code := status.Status().Code; {
	case code == http.StatusForbidden && strings.Contains(message, "exceeded quota"):
		return &refusedError{lifecycle.Refusal{Reason: v1alpha1.ReasonQuotaExceeded, Message: "a quota of the namespace refuses the Pod: " + message}}
	case code == http.StatusForbidden, code == http.StatusBadRequest, code == http.StatusUnprocessableEntity, isWebhook(message):
		return &refusedError{lifecycle.Refusal{Reason: v1alpha1.ReasonAdmissionRefused, Message: "the API server refuses the Pod: " + message}}
	}
	return err
}

// isWebhook tells whether the message is of an admission webhook, which may
// refuse with any code, or be out of order.
func isWebhook(message string) bool {
	return strings.Contains(message, "admission webhook") || strings.Contains(message, "failed calling webhook")
}
