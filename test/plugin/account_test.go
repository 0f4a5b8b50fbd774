package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/hack/cluster/repo"
)

// asAdministrator runs kubectl as the API server's administrator.
func asAdministrator(t *testing.T, args ...string) {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	writeKubeconfig(t, kubeconfig, adminConfig, "default")
	if output, err := exec.CommandContext(t.Context(), filepath.Join(programFolder, "kubectl"), append(args, "--kubeconfig", kubeconfig)...).CombinedOutput(); err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, output)
	}
}

// withAccounts is a person in whose namespace are the service accounts with these names, without rights.
func withAccounts(t *testing.T, names ...string) *person {
	t.Helper()
	p := newPerson(t)
	if err := admin.DeleteAllOf(t.Context(), &corev1.ServiceAccount{}, client.InNamespace(p.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		create(t, &corev1.ServiceAccount{ObjectMeta: metaOf(p.namespace, name)})
	}
	return p
}

// tokenOf is a token of a service account for the gateway.
func tokenOf(t *testing.T, namespace, name string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"swath"}, ExpirationSeconds: ptr.To[int64](3600)}}
	if err := admin.SubResource("token").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metaOf(namespace, name)}, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// Whoever pastes the commands that the plugin proposes can go on, and has given no right to all Pods of the namespace.
func TestTheCommandsOfTheHintGiveRightsToAServiceAccountOfItsOwn(t *testing.T) {
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	asAdministrator(t, "apply", "-k", filepath.Join(root, "config", "rbac", "users"))
	file := filepath.Join(t.TempDir(), "a.h5")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	upload := []string{"upload", file, "--gateway", startGateway(t)}
	fromElsewhere := withAccounts(t, "ci")
	for name, test := range map[string]struct {
		who *person
		// flags are given, and then to whom the rights are given.
		flags, then []string
	}{
		"no account yet":            {withAccounts(t, "default"), nil, nil},
		"no rights yet":             {withAccounts(t, "default", "swath"), nil, nil},
		"default has no rights":     {withAccounts(t, "default"), []string{"--service-account", "default"}, nil},
		"an account that is named":  {withAccounts(t, "default"), []string{"--service-account", "trainer"}, []string{"--service-account", "trainer"}},
		"a token of somebody":       {withAccounts(t, "default", "swath"), []string{"--gateway-token", tokenOf(t, fromElsewhere.namespace, "ci")}, []string{"--gateway-token", tokenOf(t, fromElsewhere.namespace, "ci")}},
		"a token of somebody known": {fromElsewhere, []string{"--gateway-token", tokenOf(t, fromElsewhere.namespace, "ci")}, []string{"--gateway-token", tokenOf(t, fromElsewhere.namespace, "ci")}},
	} {
		code, _, stderr := test.who.run(append(upload, test.flags...)...)
		if code != 1 {
			t.Errorf("%s: exit code %d, %s", name, code, stderr)
		}
		proposed := 0
		for line := range strings.Lines(stderr) {
			if command, found := strings.CutPrefix(line, "  kubectl "); found {
				if strings.Contains(command, ":default") {
					t.Errorf("%s: it proposes to give rights to all Pods: %s", name, command)
				}
				asAdministrator(t, strings.Fields(command)...)
				proposed++
			}
		}
		if proposed == 0 {
			t.Errorf("%s: nothing is proposed: %s", name, stderr)
			continue
		}
		eventually(t, name+": the commands help", func() (string, bool) {
			code, stdout, stderr := test.who.run(append(upload, test.then...)...)
			return stderr, code == 0 && strings.HasPrefix(stdout, "file-")
		})
	}
}

// Earlier versions asked for a token of the service account default, which may have the rights.
func TestWhoeverHasGivenRightsToDefaultHearsHowToGoOn(t *testing.T) {
	p := withAccounts(t, "default")
	p.allow(rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: "default", Namespace: p.namespace},
		rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"trainingjobs"}, Verbs: []string{"*"}})
	file := filepath.Join(t.TempDir(), "a.h5")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	upload := []string{"upload", file, "--gateway", startGateway(t)}
	if code, _, stderr := p.run(upload...); code != 1 || !strings.Contains(stderr, "--service-account default") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	eventually(t, "the flag helps", func() (string, bool) {
		code, _, stderr := p.run(append(upload, "--service-account", "default")...)
		return stderr, code == 0
	})
}
