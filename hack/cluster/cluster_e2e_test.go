//go:build linux && e2e

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/swath-dev/swath/hack/cluster/repo"
	"github.com/swath-dev/swath/hack/images/image"
	"github.com/swath-dev/swath/test/await"
)

// harness is the tool as a program, and a cluster of the test's own.
type harness struct {
	root, tool, dir string
}

// TestCluster is the life of a cluster, from nothing to nothing.
func TestCluster(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root")
	}
	h := newHarness(t)
	before := machine(t, h.dir)
	h.run(t, "up")
	steps := []struct {
		name string
		run  func(*testing.T, *harness)
	}{
		{"up again is quick", testUpAgain},
		{"another folder is not touched", testForeignFolder},
		{"a Pod runs from an imported image", testPodRuns},
		{"logs, exec and port-forward work", testStreams},
		{"a volume is writable and visible on the machine", testVolume},
		{"Services and the API server are reached by their addresses", testServices},
		{"rights and Pod Security are kept", testSecurity},
		{"a Pod outlives the components", testRestarts},
		{"an eviction ends a Pod", testEviction},
		{"a component that is stopped stays so", testStopStart},
		{"a node that was killed is made anew", testNodeKilled},
		{"a cluster whose folder is gone is removed", testOrphan},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, h) }) {
			h.showLogs(t)
			break
		}
	}
	h.run(t, "down")
	h.run(t, "down") // Nothing to do is no error.
	if after := machine(t, h.dir); !slices.Equal(before, after) {
		t.Errorf("the machine is not as it was: %s", difference(before, after))
	}
	if _, err := os.Stat(h.dir); err == nil {
		t.Errorf("%s is still there", h.dir)
	}
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(t.TempDir(), "cluster")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", tool, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the tool: %v\n%s", err, out)
	}
	h := &harness{root: root, tool: tool, dir: filepath.Join(t.TempDir(), "cluster")}
	t.Cleanup(func() { // Also after a step that has ended the test.
		if out, err := h.command(context.Background(), "down").CombinedOutput(); err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	return h
}

func (h *harness) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.tool, append([]string{"-dir", h.dir}, args...)...)
	cmd.Dir = h.root
	return cmd
}

// run runs the tool and returns what it said; that it fails ends the test.
func (h *harness) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.command(t.Context(), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// refused runs the tool, which is to fail, and returns what it said.
func (h *harness) refused(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.command(t.Context(), args...).CombinedOutput()
	if err == nil {
		t.Fatalf("cluster %s did not fail:\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}

func (h *harness) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return h.run(t, append([]string{"kubectl", "--namespace=probe"}, args...)...)
}

// probe runs the probe in its Pod.
func (h *harness) probe(t *testing.T, args ...string) string {
	t.Helper()
	return h.kubectl(t, append([]string{"exec", "probe", "--", "/probe"}, args...)...)
}

func (h *harness) showLogs(t *testing.T) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(h.dir, "log", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range logs {
		out, err := exec.CommandContext(t.Context(), "tail", "-n", "15", path).CombinedOutput()
		t.Logf("%s (%v)\n%s", path, err, out)
	}
}

func testUpAgain(t *testing.T, h *harness) {
	state := filepath.Join(h.dir, "state.json")
	before, err := os.Stat(state)
	if err != nil {
		t.Fatal(err)
	}
	h.run(t, "up")
	if after, err := os.Stat(state); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("up on a running cluster makes it anew: %v (%v)", after, err)
	}
	if out := h.run(t, "status"); strings.Count(out, " ok\n") != len(componentNames) {
		t.Errorf("status says\n%s", out)
	}
}

func testForeignFolder(t *testing.T, h *harness) {
	other := &harness{root: h.root, tool: h.tool, dir: t.TempDir()}
	precious := filepath.Join(other.dir, "precious")
	if err := os.WriteFile(precious, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"up", "down"} {
		if out := other.refused(t, command); !strings.Contains(out, "is no folder of a local cluster") {
			t.Errorf("%s says %s", command, out)
		}
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("a folder that is no cluster's was touched: %v", err)
	}
}

func testPodRuns(t *testing.T, h *harness) {
	images := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./hack/images", "-out", images, "./hack/cluster/testdata/probe")
	cmd.Dir = h.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making the image: %v\n%s", err, out)
	}
	h.run(t, "load-image", filepath.Join(images, "probe.tar"))
	h.run(t, "kubectl", "create", "namespace", "probe")
	h.run(t, "kubectl", "label", "namespace", "probe", "pod-security.kubernetes.io/enforce=restricted")
	h.run(t, "volume", "probe")
	h.run(t, "volume", "probe") // Made twice, it stays.
	h.kubectl(t, "apply", "--filename=hack/cluster/testdata/pod.yaml")
	h.kubectl(t, "wait", "--for=condition=Ready", "pod/probe", "--timeout=2m")
}

func testStreams(t *testing.T, h *harness) {
	if out := h.kubectl(t, "logs", "probe"); out != "probe is serving\n" {
		t.Errorf("logs say %q", out)
	}
	if out := h.probe(t, "id"); out != fmt.Sprintf("%d\n", image.User) {
		t.Errorf("the Pod runs as user %q", out)
	}
	if out := h.refused(t, "kubectl", "--namespace=probe", "exec", "probe", "--", "/probe", "nonsense"); !strings.Contains(out, "wrong arguments") {
		t.Errorf("a command that fails says %q", out)
	}
	forward := h.command(t.Context(), "kubectl", "--namespace=probe", "port-forward", "pod/probe", ":8080")
	output, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// The tool and kubectl are one group of processes, so that both end.
	forward.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-forward.Process.Pid, syscall.SIGKILL)
		_ = forward.Wait()
	}()
	line := make([]byte, 256)
	n, err := output.Read(line)
	port := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindSubmatch(line[:n])
	if err != nil || port == nil {
		t.Fatalf("port-forward says %q (%v)", line[:n], err)
	}
	expectHello(t, "http://127.0.0.1:"+string(port[1])+"/")
}

func expectHello(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Timeout: await.Patience, Transport: &http.Transport{}} // Through no proxy.
	defer client.CloseIdleConnections()
	response, err := client.Get(url)
	if err != nil {
		t.Errorf("GET %s: %v", url, err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("GET %s: %s", url, response.Status)
	}
}

func testVolume(t *testing.T, h *harness) {
	h.probe(t, "write", "/data/file")
	info, err := os.Stat(filepath.Join(h.dir, "storage", "probe", defaultClaim, "file"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != image.User {
		t.Errorf("the file that the Pod wrote belongs to user %d", owner)
	}
	// A namespace that is made again gets its files back.
	h.run(t, "kubectl", "create", "namespace", "again")
	h.run(t, "volume", "again")
	h.run(t, "kubectl", "delete", "namespace", "again")
	h.run(t, "kubectl", "create", "namespace", "again")
	h.run(t, "volume", "again")
	if out := h.refused(t, "volume", "No_Name"); !strings.Contains(out, "is no name") {
		t.Errorf("a wrong name says %q", out)
	}
	if out := h.refused(t, "volume", "nowhere"); !strings.Contains(out, "there is no namespace nowhere") {
		t.Errorf("a namespace that is not there says %q", out)
	}
}

func testServices(t *testing.T, h *harness) {
	address := h.kubectl(t, "get", "service", "probe", "--output=jsonpath={.spec.clusterIP}")
	if out := h.probe(t, "get", "http://"+address+"/"); !strings.Contains(out, "hello from the Pod") {
		t.Errorf("from a Pod the Service answers %q", out)
	}
	expectHello(t, "http://"+address+"/")
	if out := h.probe(t, "get", "http://probe.probe.svc.cluster.local/"); !strings.Contains(out, "hello from the Pod") {
		t.Errorf("from a Pod the Service answers by its name %q", out)
	}
	if out := h.probe(t, "get", "http://probe.probe/"); !strings.Contains(out, "hello from the Pod") {
		t.Errorf("from a Pod the Service answers by its short name %q", out)
	}
	if out := h.refused(t, "kubectl", "--namespace=probe", "exec", "probe", "--", "/probe", "get", "http://example.com/"); !strings.Contains(out, "no such host") {
		t.Errorf("a name outside of the cluster gives %q", out)
	}
	pod := h.kubectl(t, "get", "pod", "probe", "--output=jsonpath={.status.podIP}")
	expectHello(t, "http://"+pod+":8080/")
	if out := h.probe(t, "api", "/api"); !strings.HasPrefix(out, "200 ") {
		t.Errorf("from a Pod the API server answers %q", out)
	}
}

func testSecurity(t *testing.T, h *harness) {
	if out := h.probe(t, "api", "/api/v1/secrets"); !strings.Contains(out, "system:serviceaccount:probe:default") || !strings.HasPrefix(out, "403 ") {
		t.Errorf("Secrets are shown to a Pod: %q", out)
	}
	out := h.refused(t, "kubectl", "--namespace=probe", "run", "root", "--image=swath.local/probe:dev", "--privileged")
	if !strings.Contains(out, `violates PodSecurity "restricted`) {
		t.Errorf("a privileged Pod is refused with %q", out)
	}
	asKubelet := []string{"--as=system:node:" + nodeName, "--as-group=system:nodes"}
	out = h.refused(t, append([]string{"kubectl", "label", "node", nodeName, "node-restriction.kubernetes.io/x=y"}, asKubelet...)...)
	if !strings.Contains(out, "is not allowed to modify labels") {
		t.Errorf("a kubelet that gives its node a restricted label is refused with %q", out)
	}
}

// testRestarts ends the components, gently and not, under a Pod that must not notice.
func testRestarts(t *testing.T, h *harness) {
	const containers = "--output=jsonpath={.metadata.uid} {.status.containerStatuses[0].containerID}"
	before := h.kubectl(t, "get", "pod", "probe", containers)
	h.run(t, append([]string{"restart"}, componentNames...)...)
	h.run(t, "kill", "kubelet", "containerd", "kube-apiserver", "etcd")
	h.run(t, "up")
	h.kubectl(t, "wait", "--for=condition=Ready", "pod/probe", "--timeout=2m")
	if after := h.kubectl(t, "get", "pod", "probe", containers); after != before {
		t.Errorf("the Pod was %s and is %s", before, after)
	}
	if out := h.probe(t, "id"); out != fmt.Sprintf("%d\n", image.User) {
		t.Errorf("exec after the restarts says %q", out)
	}
}

func testEviction(t *testing.T, h *harness) {
	const eviction = `{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "probe", "namespace": "probe"}}`
	create := h.command(t.Context(), "kubectl", "create", "--raw=/api/v1/namespaces/probe/pods/probe/eviction", "--filename=-")
	create.Stdin = strings.NewReader(eviction)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("evicting the Pod: %v\n%s", err, out)
	}
	h.kubectl(t, "wait", "--for=delete", "pod/probe", "--timeout=1m")
}

func testStopStart(t *testing.T, h *harness) {
	h.run(t, "stop", "kube-scheduler")
	if out := h.refused(t, "status"); !strings.Contains(out, "1 components are not healthy") {
		t.Errorf("status says\n%s", out)
	}
	h.run(t, "start", "kube-scheduler")
	h.run(t, "status")
	if out := h.refused(t, "restart", "kube-nonsense"); !strings.Contains(out, `there is no component "kube-nonsense"`) {
		t.Errorf("a wrong name says %q", out)
	}
}

// testNodeKilled ends the node as a crash or a new start of the machine does.
func testNodeKilled(t *testing.T, h *harness) {
	c, err := newCluster(h.root, h.dir)
	if err != nil {
		t.Fatal(err)
	}
	node, err := c.node()
	if err != nil {
		t.Fatal(err)
	}
	if err := killNode(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	if out := h.refused(t, "status"); !strings.Contains(out, "the cluster is not up") {
		t.Errorf("status says %q", out)
	}
	h.run(t, "up")
	if out := h.run(t, "kubectl", "get", "pods", "--all-namespaces", "--output=name"); out != "" {
		t.Errorf("the new cluster has Pods from before: %s", out)
	}
}

// testOrphan makes a cluster whose folder is removed under it, as when a clone is deleted.
func testOrphan(t *testing.T, h *harness) {
	orphan := &harness{root: h.root, tool: h.tool, dir: filepath.Join(t.TempDir(), "cluster")}
	if out := orphan.run(t, "up"); !strings.Contains(out, "Another local cluster is up too, of "+h.dir) {
		t.Errorf("up beside another cluster says\n%s", out)
	}
	_ = os.RemoveAll(orphan.dir) // What the node is writing just now stays.
	if out := h.run(t, "up"); !strings.Contains(out, "Removing the local cluster of "+orphan.dir) {
		t.Errorf("up says\n%s", out)
	}
	if out := orphan.run(t, "down"); out != "The cluster is down.\n" {
		t.Errorf("the orphan was not removed: %s", out)
	}
}

// machine lists what of a cluster could be left on the machine: processes of a node, mounts, links, routes, packet
// filter rules, named network namespaces, control groups, and the settings that kubelets change.
func machine(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, command := range []string{
		"grep -lsa " + markCluster + "=" + dir + " /proc/[0-9]*/environ | wc -l",
		"cut -d' ' -f1-3 /proc/mounts",
		"ip -oneline link | cut -d: -f2",
		"ip route",
		"nft list ruleset",
		"ls /run/netns 2>/dev/null; true",
		"find /sys/fs/cgroup -name 'swath-*' -o -name 'kubepods*' -not -path '*/swath-*'",
		"ls -d /var/lib/kubelet /var/lib/cni /var/lib/etcd /var/log/pods /run/containerd /opt/cni /etc/cni 2>/dev/null; true",
		"cd /proc/sys && tail -n +1 " + strings.Join(machineSettings, " ") + " net/ipv4/ip_forward",
	} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "nft: not found") { // Not there before the first up.
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			all = append(all, command+": "+line)
		}
	}
	return all
}

func difference(before, after []string) string {
	var lines []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return strings.Join(lines, "\n")
}
