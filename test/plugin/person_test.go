package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/test/await"
	"github.com/swath-dev/swath/test/programs"
)

// patience is how long a test waits for a state.
const patience = await.Patience

// person is somebody with a kubeconfig that has a client certificate and nothing else, and with a namespace.
type person struct {
	t          *testing.T
	name       string
	namespace  string
	kubeconfig string
}

// newPerson makes a person who may do what the documentation says that it takes in a namespace of their own. Its service
// account swath may do with TrainingJobs what verbs say. The service account default, which every namespace has, may do nothing.
func newPerson(t *testing.T, verbs ...string) *person {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "person-"}}
	create(t, namespace)
	p := &person{t: t, name: "alice-of-" + namespace.Name, namespace: namespace.Name, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	for _, name := range []string{"default", "swath"} {
		create(t, &corev1.ServiceAccount{ObjectMeta: metaOf(p.namespace, name)})
	}
	jobs := rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"trainingjobs"}, Verbs: []string{"*"}}
	tokens := rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, Verbs: []string{"create"}}
	p.allow(rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: p.name}, jobs, tokens)
	if len(verbs) > 0 {
		jobs.Verbs = verbs
		p.allow(rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: "swath", Namespace: p.namespace}, jobs)
	}
	user, err := environment.AddUser(envtest.User{Name: p.name}, nil)
	if err != nil {
		t.Fatalf("making a user with a certificate: %v", err)
	}
	writeKubeconfig(t, p.kubeconfig, user.Config(), p.namespace)
	return p
}

func create(t *testing.T, object client.Object) {
	t.Helper()
	if err := admin.Create(t.Context(), object); err != nil {
		t.Fatalf("making %T %s: %v", object, object.GetName(), err)
	}
}

func (p *person) allow(who rbacv1.Subject, rules ...rbacv1.PolicyRule) {
	p.t.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{GenerateName: "role-", Namespace: p.namespace}, Rules: rules}
	create(p.t, role)
	create(p.t, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "role-", Namespace: p.namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{who},
	})
}

// writeKubeconfig writes the certificates of a configuration, and no other credentials.
func writeKubeconfig(t *testing.T, path string, config *rest.Config, namespace string) {
	t.Helper()
	written := clientcmdapi.NewConfig()
	written.Clusters["test"] = &clientcmdapi.Cluster{Server: "https://" + strings.TrimPrefix(config.Host, "https://"), CertificateAuthorityData: config.CAData}
	written.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}
	written.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: namespace}
	written.CurrentContext = "test"
	if len(config.CertData) == 0 || len(config.KeyData) == 0 {
		t.Fatal("the configuration has no client certificate")
	}
	if err := clientcmd.WriteToFile(*written, path); err != nil {
		t.Fatal(err)
	}
}

// job makes a TrainingJob with the given status.
func (p *person) job(name string, phase v1alpha1.Phase, change func(*v1alpha1.TrainingJobStatus)) *v1alpha1.TrainingJob {
	p.t.Helper()
	job := &v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.namespace},
		Spec:       v1alpha1.TrainingJobSpec{Task: v1alpha1.TaskClassification, TrainingFile: "file-a"},
	}
	create(p.t, job)
	p.record(job, phase, change)
	return job
}

// record writes a job's status as the operator does.
func (p *person) record(job *v1alpha1.TrainingJob, phase v1alpha1.Phase, change func(*v1alpha1.TrainingJobStatus)) {
	p.t.Helper()
	job.Status.Phase, job.Status.ObservedGeneration = phase, job.Generation
	if change != nil {
		change(&job.Status)
	}
	if err := admin.Status().Update(p.t.Context(), job); err != nil {
		p.t.Fatalf("writing the status of %s: %v", job.Name, err)
	}
}

// running is a command that runs.
type running struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr *output
	ended          chan struct{}
}

// output is what a program has printed so far.
type output struct {
	mutex sync.Mutex
	data  bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.data.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.data.String()
}

// start starts the plugin.
func (p *person) start(args ...string) *running {
	p.t.Helper()
	r := &running{t: p.t, stdout: &output{}, stderr: &output{}, ended: make(chan struct{})}
	ctx, stop := context.WithTimeout(p.t.Context(), patience)
	r.Cmd = exec.CommandContext(ctx, filepath.Join(programFolder, "kubectl-swath"), args...)
	r.Env = p.environment()
	r.Stdout, r.Stderr = r.stdout, r.stderr
	if err := r.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		_ = r.Wait() // ProcessState tells.
		stop()
		close(r.ended)
	}()
	p.t.Cleanup(func() {
		_ = r.Process.Kill() // It may have ended.
		<-r.ended
	})
	return r
}

func (p *person) environment() []string {
	return append(os.Environ(), "KUBECONFIG="+p.kubeconfig, "PATH="+programFolder+":"+os.Getenv("PATH"), "HOME="+filepath.Dir(p.kubeconfig))
}

// until waits until the program has printed something.
func (r *running) until(text string) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%v prints %q", r.Args[1:], text), func() (string, bool) {
		select {
		case <-r.ended:
			if shown := r.stdout.String() + r.stderr.String(); !strings.Contains(shown, text) {
				r.t.Fatalf("%v ended with %d and printed: %s", r.Args[1:], r.ProcessState.ExitCode(), shown)
			}
		default:
		}
		shown := r.stdout.String() + r.stderr.String()
		return shown, strings.Contains(shown, text)
	})
}

// end waits for the end, and gives the exit code and what was printed.
func (r *running) end() (code int, stdout, stderr string) {
	<-r.ended
	return r.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String()
}

// run runs the plugin.
func (p *person) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	return p.start(args...).end()
}

// eventually waits until look says yes; the text it gives says how things stand when it never does.
func eventually(t *testing.T, what string, look func() (string, bool)) {
	t.Helper()
	await.True(t, patience, 50*time.Millisecond, what, look)
}

// startGateway starts the gateway's program with storage of its own, and gives its address.
func startGateway(t *testing.T) string {
	t.Helper()
	return startGatewayOn(t, "file://"+t.TempDir())
}

// startGatewayOn is startGateway with the given storage.
func startGatewayOn(t *testing.T, url string) string {
	t.Helper()
	folder := t.TempDir()
	writeKubeconfig(t, filepath.Join(folder, "kubeconfig"), adminConfig, "default")
	configuration := fmt.Sprintf("trainer: {image: none}\nstorage: [{url: %q, persistentVolumeClaim: none}]\n", url)
	if err := os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	address, management := programs.FreeAddress(t), programs.FreeAddress(t)
	log := &output{}
	command := exec.Command(programs.Gateway(t), "serve", "--config", filepath.Join(folder, "config.yaml"), "--address", address, "--management-address", management)
	command.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(folder, "kubeconfig"))
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(command.Process.Kill(), ignore(command.Wait())); err != nil {
			t.Errorf("ending the gateway: %v", err)
		}
	})
	eventually(t, "the gateway is ready", func() (string, bool) { return log.String(), answers("http://" + management + "/readyz") })
	return "http://" + address
}

// ignore drops the error that a program was killed.
func ignore(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

func keyOf(object client.Object) client.ObjectKey { return client.ObjectKeyFromObject(object) }

func metaOf(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}
