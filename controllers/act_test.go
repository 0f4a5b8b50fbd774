package controllers

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// occupied is an API server that refuses every Pod with an error, and shows the Pod
// that has the name, if any. It takes down the patches.
type occupied struct {
	client.Client
	refusal  error
	standing *corev1.Pod
	patched  int
}

func (o *occupied) Create(context.Context, client.Object, ...client.CreateOption) error {
	return o.refusal
}

func (o *occupied) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	o.patched++
	return nil
}

func (o *occupied) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		namespace.Name, namespace.UID = key.Name, "uid-of-namespace"
		return nil
	}
	pod, ok := object.(*corev1.Pod)
	if !ok || o.standing == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, key.Name)
	}
	o.standing.DeepCopyInto(pod)
	return nil
}

func TestAPodThatCannotBeMade(t *testing.T) {
	quota := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "ships-train-1", errors.New("exceeded quota: team"))
	taken := apierrors.NewAlreadyExists(schema.GroupResource{Resource: "pods"}, "ships-train-1")
	job := &v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ships", UID: "job"}}
	own := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{
		*metav1.NewControllerRef(job, v1alpha1.GroupVersion.WithKind(v1alpha1.TrainingJobKind)),
	}}}
	going := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: ptr.To(metav1.Now()), Finalizers: []string{v1alpha1.ResultFinalizer}}}
	former := job.DeepCopy()
	former.UID = "former"
	standing := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Finalizers: []string{v1alpha1.ResultFinalizer},
		OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(former, v1alpha1.GroupVersion.WithKind(v1alpha1.TrainingJobKind)),
		},
	}}
	denied := apierrors.NewNotFound(schema.GroupResource{Group: "example.com", Resource: "teams"}, "ships")
	denied.ErrStatus.Message = `admission webhook "teams.example.com" denied the request: team "ships" not found`
	stranger := standing.DeepCopy()
	stranger.OwnerReferences[0].Name = "trees"
	cases := map[string]struct {
		refusal  error
		standing *corev1.Pod
		want     string
		released bool
	}{
		"the quota is used up":                    {refusal: quota, want: v1alpha1.ReasonQuotaExceeded},
		"the quota is used up by the Pod itself":  {refusal: quota, standing: own},
		"it is there":                             {refusal: taken, standing: own},
		"another's Pod has the name":              {refusal: taken, standing: &corev1.Pod{}, want: v1alpha1.ReasonPodNameTaken},
		"a Pod of a job that is gone goes":        {refusal: taken, standing: going, want: v1alpha1.ReasonStopping, released: true},
		"the quota is used up by a Pod that goes": {refusal: quota, standing: going, want: v1alpha1.ReasonStopping, released: true},
		"a Pod of the job's former self stands":   {refusal: taken, standing: standing, want: v1alpha1.ReasonStopping, released: true},
		"a Pod of another job has the name":       {refusal: taken, standing: stranger, want: v1alpha1.ReasonPodNameTaken},
		"a webhook denies it with code 404":       {refusal: denied, want: v1alpha1.ReasonAdmissionRefused},
		"the quota is used up by another's Pod":   {refusal: quota, standing: &corev1.Pod{}, want: v1alpha1.ReasonPodNameTaken},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := &occupied{refusal: c.refusal, standing: c.standing}
			settings := config.Default()
			settings.Storage = []config.Storage{{URL: "s3://bucket"}}
			r := &TrainingJobReconciler{Client: server, Live: server, Config: &settings}
			err := r.createPod(t.Context(), job, lifecycle.Action{Kind: lifecycle.CreatePod, Role: v1alpha1.RoleTrain, Number: 1})
			var refused *refusedError
			got := ""
			if errors.As(err, &refused) {
				got = refused.refusal.Reason
			} else if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("the refusal is %q, want %q", got, c.want)
			}
			if released := server.patched > 0; released != c.released {
				t.Errorf("the Pod is released: %t", released)
			}
		})
	}
}

// A namespace that is gone, or goes, is no refusal: the job goes with it.
func TestNothingIsToldOfANamespaceThatGoes(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "default")
	going := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "ships-train-1", errors.New("namespace default is being terminated"))
	going.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for name, refusal := range map[string]error{"gone": gone, "going": going} {
		server := &occupied{refusal: refusal}
		settings := config.Default()
		settings.Storage = []config.Storage{{URL: "s3://bucket"}}
		r := &TrainingJobReconciler{Client: server, Live: server, Config: &settings}
		job := &v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ships", UID: "job"}}
		err := r.createPod(t.Context(), job, lifecycle.Action{Kind: lifecycle.CreatePod, Role: v1alpha1.RoleTrain, Number: 1})
		if !errors.Is(err, errNamespaceGoes) {
			t.Errorf("a namespace that is %s gives the error %v", name, err)
		}
	}
}
