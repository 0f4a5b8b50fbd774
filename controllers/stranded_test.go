package controllers

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// After controller.namespaces was narrowed a Pod that someone deletes goes, and Pods that
// another operator may still look after are left alone.
func TestPodsOfNamespacesThatTheOperatorLeftAreNotHeld(t *testing.T) {
	s := newServer(t, nil)
	stranded := &StrandedPods{Client: s.client, Live: s.client, Namespaces: []string{"kept"}, LostAfter: 5 * time.Minute, Clock: s.clock}
	pod := func(namespace, name string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Finalizers: []string{v1alpha1.ResultFinalizer},
			Labels: map[string]string{v1alpha1.LabelJobName: "ships", v1alpha1.LabelRole: v1alpha1.RoleTrain},
		}}
	}
	s.create(pod("left", "deleted"), pod("left", "trains"), pod("kept", "deleted"))
	for _, namespace := range []string{"left", "kept"} {
		if err := s.client.Delete(t.Context(), pod(namespace, "deleted")); err != nil {
			t.Fatal(err)
		}
	}
	left := func() []string {
		t.Helper()
		if err := stranded.release(t.Context()); err != nil {
			t.Fatal(err)
		}
		var list corev1.PodList
		if err := s.client.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		var names []string
		for i := range list.Items {
			names = append(names, client.ObjectKeyFromObject(&list.Items[i]).String())
		}
		slices.Sort(names)
		return names
	}
	if names := left(); len(names) != 3 {
		t.Errorf("within the time that its node has, the Pods left are %q", names)
	}
	s.pass(6 * time.Minute)
	if names, want := left(), []string{"kept/deleted", "left/trains"}; !slices.Equal(names, want) {
		t.Errorf("the Pods left are %q, want %q", names, want)
	}
}
