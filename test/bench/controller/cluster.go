//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	trainingv1alpha1 "github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
)

// clientQPS and clientBurst are the limits of every client, far above what is reached: those of Kubernetes (20 and 50
// a second) would be all that is measured.
const (
	clientQPS   = 1000
	clientBurst = 1000
)

// nodes is how many nodes kwok simulates. They are big enough for everything.
const nodes = 20

// rarelyCollected has a program trade memory for processor time. The scheduler and the simulated nodes are not what is
// measured, and share the processors with what is.
const rarelyCollected = "GOGC=400"

// auditPolicy has the API server log the writes of everyone but the nodes, the scheduler and the benchmark itself.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: None, verbs: [get, list, watch]}
- {level: Metadata, users: [` + jobControllerUser + `, ` + managerUser + `]}
- {level: None}
`

// schedulerConfig is that of kube-scheduler, with the path of a kubeconfig to fill in.
const schedulerConfig = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
clientConnection: {kubeconfig: %q, qps: %d, burst: %d}
`

//go:embed stages.yaml
var stages string

// cluster is a real API server with etcd and kube-scheduler, and simulated nodes.
type cluster struct {
	root      string // The repository.
	dir       string // Everything that it writes is in here.
	binaries  binaryPaths
	env       *envtest.Environment
	admin     client.WithWatch
	audit     *auditLog
	config    config.Config // The manager's.
	scheduler *process
	kwok      *process
	fail      context.CancelCauseFunc
}

// startCluster starts a cluster with all that it has in dir.
func startCluster(ctx context.Context, root, dir string, binaries binaryPaths, fail context.CancelCauseFunc) (*cluster, error) {
	c := &cluster{root: root, dir: dir, binaries: binaries, fail: fail, audit: &auditLog{path: filepath.Join(dir, "audit.log")}}
	if err := c.startControlPlane(); err != nil {
		return nil, err
	}
	err := c.createNodes(ctx)
	if err == nil {
		err = c.installManager(ctx)
	}
	if err == nil {
		err = c.startScheduler()
	}
	if err == nil {
		err = c.startKwok(0)
	}
	if err == nil {
		err = c.waitForNodes(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *cluster) startControlPlane() error {
	policy := filepath.Join(c.dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return fmt.Errorf("writing the audit policy: %w", err)
	}
	log, err := os.Create(filepath.Join(c.dir, "kube-apiserver.log"))
	if err != nil {
		return fmt.Errorf("making the log of the API server: %w", err)
	}
	existing := false
	c.env = &envtest.Environment{
		BinaryAssetsDirectory:    c.binaries.kubernetes,
		UseExistingCluster:       &existing,
		CRDDirectoryPaths:        []string{filepath.Join(c.root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: 2 * time.Minute,
	}
	server := c.env.ControlPlane.GetAPIServer()
	server.Out, server.Err = log, log
	server.Configure().
		Set("audit-policy-file", policy).
		Set("audit-log-path", c.audit.path).
		Set("audit-log-mode", "blocking").
		// Nobody takes the taint away that new nodes get, nor makes service accounts: no other controllers run.
		Set("disable-admission-plugins", "ServiceAccount", "TaintNodesByCondition")
	restConfig, err := c.env.Start()
	if err != nil {
		return errors.Join(fmt.Errorf("starting the API server and etcd: %w", err), c.env.Stop())
	}
	restConfig.QPS, restConfig.Burst = clientQPS, clientBurst
	if c.admin, err = newClient(restConfig); err != nil {
		return errors.Join(err, c.env.Stop())
	}
	return nil
}

func newClient(config *rest.Config) (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(trainingv1alpha1.AddToScheme(scheme))
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making the benchmark's client: %w", err)
	}
	return c, nil
}

// kubeconfig makes a user and writes the kubeconfig of the program that is to be that user.
func (c *cluster) kubeconfig(program, name string, groups ...string) (string, error) {
	path := filepath.Join(c.dir, program+".kubeconfig")
	user, err := c.env.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return "", fmt.Errorf("making the user %s: %w", name, err)
	}
	content, err := user.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("making the kubeconfig of %s: %w", name, err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", fmt.Errorf("writing the kubeconfig of %s: %w", name, err)
	}
	return path, nil
}

func (c *cluster) createNodes(ctx context.Context) error {
	for i := range nodes {
		name := "node-" + strconv.Itoa(i)
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
		if err := c.admin.Create(ctx, node); err != nil {
			return fmt.Errorf("making the node %s: %w", name, err)
		}
	}
	return nil
}

func (c *cluster) startScheduler() error {
	kubeconfig, err := c.kubeconfig("kube-scheduler", "system:kube-scheduler")
	if err != nil {
		return err
	}
	path := filepath.Join(c.dir, "scheduler.yaml")
	content := fmt.Sprintf(schedulerConfig, kubeconfig, clientQPS, clientBurst)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("writing the configuration of kube-scheduler: %w", err)
	}
	c.scheduler, err = program{
		name: "kube-scheduler",
		path: filepath.Join(c.binaries.kubernetes, "kube-scheduler"),
		args: []string{"--config=" + path, "--secure-port=0"},
		env:  []string{rarelyCollected},
	}.start(c.dir, c.fail)
	return err
}

// startKwok starts kwok with stages in which each state of a TrainingJob's Pods lasts for the given time.
func (c *cluster) startKwok(dwell time.Duration) error {
	kubeconfig, err := c.kubeconfig("kwok", "kwok", "system:masters")
	if err != nil {
		return err
	}
	text, err := template.New("stages").Delims("[[", "]]").Parse(stages)
	if err != nil {
		return fmt.Errorf("reading the stages of the simulated nodes: %w", err)
	}
	var content bytes.Buffer
	if err := text.Execute(&content, struct{ Delay int64 }{dwell.Milliseconds()}); err != nil {
		return fmt.Errorf("filling in the stages of the simulated nodes: %w", err)
	}
	path := filepath.Join(c.dir, "kwok.yaml")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the stages of the simulated nodes: %w", err)
	}
	c.kwok, err = program{
		name: "kwok",
		path: c.binaries.kwok,
		args: []string{
			"--kubeconfig=" + kubeconfig, "--config=" + path, "--manage-all-nodes",
			// Loopback addresses: who asks a Pod of a simulated node for anything is refused at once.
			"--cidr=127.128.0.0/9", "--node-lease-duration-seconds=0", "--v=WARN",
		},
		env: []string{"HOME=" + c.dir, rarelyCollected}, // A configuration in the user's home is not ours.
	}.start(c.dir, c.fail)
	return err
}

// restartKwok makes the states of Pods last for the given time from now on.
func (c *cluster) restartKwok(dwell time.Duration) error {
	if err := c.kwok.end(); err != nil {
		return err
	}
	return c.startKwok(dwell)
}

func (c *cluster) waitForNodes(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var list corev1.NodeList
		if err := c.admin.List(ctx, &list); err != nil {
			return false, err
		}
		ready := 0
		for i := range list.Items {
			for _, condition := range list.Items[i].Status.Conditions {
				if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
					ready++
				}
			}
		}
		return ready == nodes, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the %d simulated nodes: %w; the end of kwok's log:\n%s", nodes, err, tail(c.kwok.log))
	}
	return nil
}

// stop ends everything that startCluster has started.
func (c *cluster) stop() error {
	var errs []error
	for _, p := range []*process{c.kwok, c.scheduler} {
		if p != nil {
			errs = append(errs, p.end())
		}
	}
	if err := c.env.Stop(); err != nil {
		errs = append(errs, fmt.Errorf("ending the API server and etcd: %w", err))
	}
	return errors.Join(errs...)
}
