package gateway

import (
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
)

const audience = "swath"

// tenant is a namespace with a service account that may do everything with the namespace's TrainingJobs.
type tenant struct {
	namespace string
	token     string
}

func newTenant(t *testing.T) tenant {
	t.Helper()
	return newTenantWith(t, "*")
}

// newTenantWith makes a tenant with the given rights.
func newTenantWith(t *testing.T, verbs ...string) tenant {
	t.Helper()
	namespace, err := kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("making a namespace: %v", err)
	}
	name := namespace.Name
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "trainer", Namespace: name}}
	if _, err := kube.CoreV1().ServiceAccounts(name).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatalf("making a service account: %v", err)
	}
	allow(t, name, name, verbs...)
	return tenant{namespace: name, token: tokenOf(t, name, audience)}
}

// allow gives the service account of one namespace rights in another.
func allow(t *testing.T, namespace, accountNamespace string, verbs ...string) {
	t.Helper()
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "jobs-", Namespace: namespace},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"trainingjobs"}, Verbs: verbs}},
	}
	role, err := kube.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("making a role: %v", err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "jobs-", Namespace: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "trainer", Namespace: accountNamespace}},
	}
	if _, err := kube.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatalf("binding a role: %v", err)
	}
}

func tokenOf(t *testing.T, namespace string, audiences ...string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	answer, err := kube.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), "trainer", request, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("asking for a token: %v", err)
	}
	return answer.Status.Token
}
