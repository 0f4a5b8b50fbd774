package integration

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// webhook has every Pod of the namespace be admitted by the handler, for the time of
// the test or until the returned function is called.
func (s *stage) webhook(handler http.HandlerFunc) (remove func()) {
	s.t.Helper()
	server := httptest.NewTLSServer(handler)
	s.t.Cleanup(server.Close)
	config := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "policy-" + s.namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "policy.example.com",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      ptr.To(server.URL),
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}},
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			TimeoutSeconds:          ptr.To[int32](1),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
	return s.installed(config)
}

// policy has the API server itself refuse every Pod of the namespace.
func (s *stage) policy() (remove func()) {
	s.t.Helper()
	name := "policy-" + s.namespace
	removePolicy := s.made(&admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}},
				ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
					Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
				}}},
			},
			Validations: []admissionregistrationv1.Validation{{Expression: "false", Message: "no Pods on Sundays"}},
		},
	})
	s.t.Cleanup(removePolicy)
	return s.installed(&admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
		},
	})
}

// made creates an object that no namespace takes away, and gives how to delete it.
func (s *stage) made(object client.Object) (remove func()) {
	s.t.Helper()
	s.create(object)
	return func() {
		if err := cluster.Delete(context.Background(), object); client.IgnoreNotFound(err) != nil {
			s.t.Errorf("deleting %s: %v", object.GetName(), err)
		}
	}
}

// installed creates an object that refuses Pods, and waits until it does; remove
// waits until it no longer does.
func (s *stage) installed(object client.Object) (remove func()) {
	s.t.Helper()
	del := s.made(object)
	s.t.Cleanup(del)
	try := func() error {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "try"}}
		pod.Spec = restrictedSpec()
		return cluster.Create(context.Background(), pod, client.DryRunAll)
	}
	s.eventually("Pods are refused", func() error {
		if try() == nil {
			return errNotYet
		}
		return nil
	})
	return func() {
		s.t.Helper()
		del()
		s.eventually("Pods are taken again", try)
	}
}

func restrictedSpec() corev1.PodSpec {
	return corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers: []corev1.Container{{Name: "main", Image: "example.com/other", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}}},
	}
}

// refuses is a webhook that refuses everything with the code.
func refuses(code int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		review.Response = &admissionv1.AdmissionResponse{
			UID: review.Request.UID, Result: &metav1.Status{Code: code, Message: "images are to be signed"},
		}
		_ = json.NewEncoder(w).Encode(review)
	}
}

// silent is a webhook that never answers.
func silent(_ http.ResponseWriter, r *http.Request) {
	// Only a server that has read the request sees that its client hangs up.
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// What refuses a Pod is said in its own words, costs no retry while it lasts, and when
// it is mended the job goes on.
func TestAnAdmissionThatRefusesThePodIsSaidAndTheJobGoesOnAfterwards(t *testing.T) {
	cases := map[string]struct {
		install func(*stage) (remove func())
		says    string
	}{
		"a webhook that forbids it":    {func(s *stage) func() { return s.webhook(refuses(http.StatusForbidden)) }, "images are to be signed"},
		"a webhook with a code of its": {func(s *stage) func() { return s.webhook(refuses(http.StatusConflict)) }, "images are to be signed"},
		"a webhook that is out of order": {func(s *stage) func() {
			return s.webhook(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		}, "failed calling webhook"},
		"a webhook that never answers": {func(s *stage) func() { return s.webhook(silent) }, "failed calling webhook"},
		"an admission policy":          {(*stage).policy, "no Pods on Sundays"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			remove := c.install(s)
			job := s.submit(newJob("ships"))
			if message := s.waitsFor(job, v1alpha1.ReasonAdmissionRefused); !strings.Contains(message, c.says) {
				t.Errorf("the condition says %q", message)
			}
			if blocked := s.job(job); blocked.Status.BlockedSince == nil || blocked.Status.Retries != 0 || len(blocked.Status.Attempts) != 0 {
				t.Errorf("the job is %s", describe(blocked))
			}
			remove()
			s.later(job, time.Minute)
			s.prepared(job)
			if mended := s.seen(job); mended.Status.Retries != 0 || mended.Status.BlockedSince != nil {
				t.Errorf("the job is %s", describe(mended))
			}
		})
	}
}

// A train Pod that names what the cluster does not have, or makes no sense, is refused
// by the API server: that is said, and changing spec.pod mends it.
func TestASpecPodThatTheClusterRefusesIsMended(t *testing.T) {
	cases := map[string]struct {
		pod  v1alpha1.PodOptions
		says string
	}{
		"a priority class that is not there": {v1alpha1.PodOptions{PriorityClassName: "missing"}, "no PriorityClass with name missing was found"},
		"a runtime class that is not there":  {v1alpha1.PodOptions{RuntimeClassName: "missing"}, `RuntimeClass "missing" not found`},
		"a toleration that makes no sense": {
			v1alpha1.PodOptions{Tolerations: []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists, Value: "yes"}}},
			"value must be empty when `operator` is 'Exists'",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(s *stage) {
				all := []string{"*"}
				s.config.Allow.PriorityClassNames, s.config.Allow.RuntimeClassNames, s.config.Allow.TolerationKeys = all, all, all
			})
			job := newJob("ships")
			job.Spec.Pod = &c.pod
			s.submit(job)
			s.prepared(job)
			if message := s.waitsFor(job, v1alpha1.ReasonAdmissionRefused); !strings.Contains(message, c.says) {
				t.Errorf("the condition says %q", message)
			}
			if seen := s.job(job); seen.Status.Phase != v1alpha1.PhaseQueued || seen.Status.Retries != 0 {
				t.Errorf("the job is %s", describe(seen))
			}
			s.change(job, func(j *v1alpha1.TrainingJob) { j.Spec.Pod = nil })
			s.later(job, time.Minute)
			s.eventually("there is a train Pod", func() error {
				if names := strings.Join(s.podNames(), " "); !strings.Contains(names, "ships-train-") {
					return errors.New(names)
				}
				return nil
			})
		})
	}
}
