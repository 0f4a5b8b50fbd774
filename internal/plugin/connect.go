package plugin

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/utils/ptr"
)

// tokenSeconds is how long a token is valid that the plugin asks for; kubectl swath upload of a large file takes a while.
const tokenSeconds = 6 * 60 * 60

// connect reaches the gateway. The caller closes the connection.
func (s *session) connect(ctx context.Context) (*gatewayClient, error) {
	namespace, err := s.namespace()
	if err != nil {
		return nil, err
	}
	c := &gatewayClient{namespace: namespace, stop: func() {}}
	if c.address, err = s.gateway.readAddress(); err != nil {
		return nil, err
	}
	if c.token, err = s.gateway.readToken(); err != nil {
		return nil, err
	}
	if c.http, err = s.gateway.client(); err != nil {
		return nil, err
	}
	if c.address != "" && c.token != "" {
		return c, nil
	}
	config, err := s.kubeconfig.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	cluster, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	if c.token == "" {
		if c.token, err = s.requestToken(ctx, cluster, namespace); err != nil {
			return nil, err
		}
	}
	if c.address == "" {
		if err := s.forward(ctx, config, cluster, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// requestToken asks the API server for a token: that works with every kubeconfig, one with a client certificate too, and the
// token is good for nothing but the gateway.
func (s *session) requestToken(ctx context.Context, cluster kubernetes.Interface, namespace string) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{s.gateway.audience}, ExpirationSeconds: ptr.To(int64(tokenSeconds)),
	}}
	answer, err := cluster.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, s.gateway.serviceAccount, request, metav1.CreateOptions{})
	if err != nil {
		hint := ""
		if apierrors.IsNotFound(err) {
			hint = missingAccountHint(namespace, s.gateway.serviceAccount)
		}
		return "", fmt.Errorf("asking for a token of service account %s in namespace %s: %w%s", s.gateway.serviceAccount, namespace, err, hint)
	}
	return answer.Status.Token, nil
}

// forward makes a way to a Pod of the gateway through the API server.
func (s *session) forward(ctx context.Context, config *rest.Config, cluster kubernetes.Interface, c *gatewayClient) error {
	pod, port, secure, err := s.findGateway(ctx, cluster)
	if err != nil {
		return err
	}
	target := cluster.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var complaints bytes.Buffer
	forwarder, err := newForwarder(config, target, port, stop, ready, &complaints)
	if err != nil {
		return fmt.Errorf("reaching Pod %s of the gateway: %w", pod.Name, err)
	}
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		return fmt.Errorf("reaching Pod %s of the gateway: %w %s", pod.Name, err, complaints.String())
	case <-ctx.Done():
		close(stop)
		return context.Cause(ctx)
	}
	c.stop = func() { close(stop) }
	ports, err := forwarder.GetPorts()
	if err != nil {
		return fmt.Errorf("reaching Pod %s of the gateway: %w", pod.Name, err)
	}
	c.address = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(int(ports[0].Local)))
	if secure {
		c.address = "https" + strings.TrimPrefix(c.address, "http")
		// The API server has authenticated the other end of the way, whose certificate is for another name.
		c.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // See above.
	}
	return nil
}

// newForwarder forwards a free port of the loopback interface. It prefers WebSockets, which pass proxies that SPDY does not.
func newForwarder(config *rest.Config, target *url.URL, port int32, stop <-chan struct{}, ready chan struct{}, complaints io.Writer) (*portforward.PortForwarder, error) {
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	tunnel, err := portforward.NewSPDYOverWebsocketDialer(target, config)
	if err != nil {
		return nil, err
	}
	dialer := portforward.NewFallbackDialer(tunnel, old, func(error) bool { return true })
	return portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{"0:" + strconv.Itoa(int(port))}, stop, ready, io.Discard, complaints)
}

// findGateway finds a ready Pod of the gateway's Service, the port to reach it at, and whether it speaks TLS there.
func (s *session) findGateway(ctx context.Context, cluster kubernetes.Interface) (pod *corev1.Pod, port int32, secure bool, err error) {
	service, err := cluster.CoreV1().Services(s.gateway.namespace).Get(ctx, s.gateway.service, metav1.GetOptions{})
	if err != nil {
		return nil, 0, false, fmt.Errorf("looking for the gateway's Service (see --gateway-namespace and --gateway): %w", err)
	}
	if len(service.Spec.Ports) == 0 || len(service.Spec.Selector) == 0 {
		return nil, 0, false, fmt.Errorf("the Service %s/%s has no port or no selector", service.Namespace, service.Name)
	}
	pods, err := cluster.CoreV1().Pods(service.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(service.Spec.Selector).String()})
	if err != nil {
		return nil, 0, false, fmt.Errorf("looking for the gateway's Pods: %w", err)
	}
	for i := range pods.Items {
		if port := targetPort(&pods.Items[i], service.Spec.Ports[0]); isReady(&pods.Items[i]) && port != 0 {
			return &pods.Items[i], port, service.Spec.Ports[0].Name == "https", nil
		}
	}
	return nil, 0, false, errors.New("none of the gateway's Pods is ready: kubectl get pods -n " + service.Namespace)
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil
		}
	}
	return false
}

// targetPort is the number of the Pod's port that the Service leads to; 0 where it has none.
func targetPort(pod *corev1.Pod, port corev1.ServicePort) int32 {
	if port.TargetPort.StrVal == "" {
		return port.TargetPort.IntVal
	}
	for _, container := range pod.Spec.Containers {
		for _, offered := range container.Ports {
			if offered.Name == port.TargetPort.StrVal {
				return offered.ContainerPort
			}
		}
	}
	return 0
}
