//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/hack/cluster/binaries"
	"github.com/swath-dev/swath/hack/cluster/repo"
)

const (
	// namespaceFile and namespaceS3 are the tenants with storage on a volume and in S3.
	namespaceFile = "bench-file"
	namespaceS3   = "bench-s3"
	accountName   = "bench"
	audience      = "swath"
)

// bench is a real API server, a gateway as a process of its own, and a caller.
type bench struct {
	options
	folder      string
	environment *envtest.Environment
	gateway     *exec.Cmd
	s3          *s3Server
	address     string
	tokens      map[string]string
	// direct speaks to the API server as the caller.
	direct client.Client
	// admin writes statuses, as the operator does.
	admin client.Client
	http  *http.Client
}

// start starts everything; stop ends it.
func start(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{options: o, tokens: map[string]string{}, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.clients}}}
	defer func() {
		if err != nil {
			b.stop()
		}
	}()
	if b.folder, err = os.MkdirTemp("", "bench-gateway-*"); err != nil {
		return b, err
	}
	root, err := repo.Root()
	if err != nil {
		return b, err
	}
	assets, err := binaries.Ensure(ctx, root, os.Stderr, binaries.Envtest...)
	if err != nil {
		return b, err
	}
	b.environment = &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root, "config", "crd", "bases")}, ErrorIfCRDPathMissing: true, BinaryAssetsDirectory: assets}
	config, err := b.environment.Start()
	if err != nil {
		return b, fmt.Errorf("starting the API server: %w", err)
	}
	if b.s3, err = startS3(filepath.Join(b.folder, "s3")); err != nil {
		return b, err
	}
	if err := b.makeTenants(ctx, config); err != nil {
		return b, err
	}
	return b, b.startGateway(ctx, root)
}

// makeTenants makes the namespaces, their rights and tokens.
func (b *bench) makeTenants(ctx context.Context, config *rest.Config) error {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if b.admin, err = client.New(config, client.Options{}); err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(b.admin.Scheme()); err != nil {
		return err
	}
	for _, namespace := range []string{namespaceFile, namespaceS3} {
		objects := []client.Object{
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
			&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: accountName, Namespace: namespace}},
			&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "jobs", Namespace: namespace}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"trainingjobs"}, Verbs: []string{"*"}}}},
			&rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: "jobs", Namespace: namespace}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "jobs"},
				Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: accountName, Namespace: namespace}},
			},
		}
		for _, object := range objects {
			if err := b.admin.Create(ctx, object); err != nil {
				return fmt.Errorf("setting up namespace %s: %w", namespace, err)
			}
		}
		for _, audiences := range [][]string{{audience}, nil} {
			answer, err := kube.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, accountName, &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}, metav1.CreateOptions{})
			if err != nil {
				return fmt.Errorf("asking for a token: %w", err)
			}
			b.tokens[namespace+strings.Join(audiences, "")] = answer.Status.Token
		}
	}
	caller := rest.AnonymousClientConfig(config)
	caller.BearerToken, caller.QPS = b.tokens[namespaceFile], -1
	if b.direct, err = client.New(caller, client.Options{}); err != nil {
		return err
	}
	return v1alpha1.AddToScheme(b.direct.Scheme())
}

// restartGateway starts the gateway anew, so that its memory is told apart from what was before.
func (b *bench) restartGateway(ctx context.Context) error {
	_ = b.gateway.Process.Kill()
	_ = b.gateway.Wait() // It was killed.
	return b.launch(ctx)
}

// startGateway builds the gateway and starts it as an administrator of the cluster.
func (b *bench) startGateway(ctx context.Context, root string) error {
	program := filepath.Join(b.folder, "gateway")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/gateway")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the gateway: %w\n%s", err, output)
	}
	user, err := b.environment.AddUser(envtest.User{Name: "gateway", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return err
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return err
	}
	configuration := fmt.Sprintf("trainer: {image: none}\nstorage:\n  - {namespaces: [%s], url: %q}\n  - {url: %q, persistentVolumeClaim: none}\n", namespaceS3, b.s3.url, "file://"+b.volume())
	if err := errors.Join(
		os.WriteFile(filepath.Join(b.folder, "kubeconfig"), kubeconfig, 0o600),
		os.WriteFile(filepath.Join(b.folder, "config.yaml"), []byte(configuration), 0o600),
		os.MkdirAll(b.volume(), 0o755),
	); err != nil {
		return err
	}
	return b.launch(ctx)
}

func (b *bench) launch(ctx context.Context) error {
	addresses, err := freeAddresses(2)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(b.folder, "gateway.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	b.gateway = exec.Command(filepath.Join(b.folder, "gateway"), "serve", "--config", filepath.Join(b.folder, "config.yaml"), "--address", addresses[0], "--management-address", addresses[1],
		"--requests-per-second", "1e6", "--burst", "1000000", "--api-qps", "1e5", "--log-level", "ERROR")
	b.gateway.Env = append(os.Environ(), append(b.s3.environment(), "KUBECONFIG="+filepath.Join(b.folder, "kubeconfig"))...)
	b.gateway.Stdout, b.gateway.Stderr = log, log
	if err := b.gateway.Start(); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	b.address = "http://" + addresses[0]
	return b.untilReady(ctx, "http://"+addresses[1]+"/readyz")
}

func (b *bench) volume() string { return filepath.Join(b.folder, "volume") }

func (b *bench) untilReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		response, err := http.Get(url)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(b.folder, "gateway.log"))
			return fmt.Errorf("the gateway does not get ready: %w\n%s", ctx.Err(), log)
		case <-look.C:
		}
	}
}

func (b *bench) stop() {
	if b.gateway != nil && b.gateway.Process != nil {
		_ = b.gateway.Process.Kill()
		_ = b.gateway.Wait()
	}
	if b.s3 != nil {
		b.s3.stop()
	}
	if b.environment != nil {
		_ = b.environment.Stop()
	}
	_ = os.RemoveAll(b.folder)
}

// resident is a line of the gateway's status in MiB: VmRSS is now, VmHWM the most so far.
func (b *bench) resident(line string) (float64, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", b.gateway.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading the gateway's memory: %w", err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == line {
			kibibytes, err := strconv.ParseFloat(fields[1], 64)
			return kibibytes / 1024, err
		}
	}
	return 0, fmt.Errorf("the gateway's status has no %s", line)
}

func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
