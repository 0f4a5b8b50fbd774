package gateway

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// policyIn gives the one policy of a file of config/network-policy.
func policyIn(t *testing.T, file string) *networkingv1.NetworkPolicy {
	t.Helper()
	policies := objectsIn[networkingv1.NetworkPolicy](t, "NetworkPolicy", manifest(t, "network-policy", file))
	if len(policies) != 1 {
		t.Fatalf("%s has %d policies", file, len(policies))
	}
	return &policies[0]
}

func TestNetworkPolicyIsForThePodsThatThereAre(t *testing.T) {
	pods := podsIn(t, build(t, "gateway"))
	if len(pods) != 2 {
		t.Fatalf("there are %d kinds of Pods", len(pods))
	}
	ports := map[string]bool{}
	for _, pod := range pods {
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				ports[port.Name] = true
			}
		}
	}
	for _, file := range []string{"gateway.yaml", "gateway-metadata-service.yaml"} {
		policy := policyIn(t, file)
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			t.Fatal(err)
		}
		for name, pod := range pods {
			if !selector.Matches(labels.Set(pod.Labels)) {
				t.Errorf("%s: the Pods of %s with the labels %v are not its", file, name, pod.Labels)
			}
		}
		for _, rule := range policy.Spec.Ingress {
			for _, port := range rule.Ports {
				if !ports[port.Port.String()] {
					t.Errorf("%s: no Pod has the port %s", file, port.Port)
				}
			}
		}
	}
}

func TestTheAPIServerTakesTheNetworkPolicies(t *testing.T) {
	for _, file := range []string{"gateway.yaml", "gateway-metadata-service.yaml", "tenant.yaml", "tenant-metadata-service.yaml", "manager.yaml"} {
		policy := policyIn(t, file)
		if policy.Namespace == "" {
			policy.Namespace = "default"
		}
		if _, err := kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: policy.Namespace}}, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		if _, err := kube.NetworkingV1().NetworkPolicies(policy.Namespace).Create(t.Context(), policy, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}); err != nil {
			t.Errorf("the API server refuses %s: %v", file, err)
		}
	}
}

// reaches reports whether policies, which add up, let a Pod that all of them select open a TCP connection.
func reaches(t *testing.T, address netip.AddrPort, policies ...*networkingv1.NetworkPolicy) bool {
	t.Helper()
	for _, policy := range policies {
		for _, rule := range policy.Spec.Egress {
			if opens(rule.Ports, int32(address.Port())) && leadsTo(t, rule.To, address.Addr()) {
				return true
			}
		}
	}
	return false
}

// opens reports whether the ports of a rule have a TCP port. A rule without ports has all.
func opens(ports []networkingv1.NetworkPolicyPort, wanted int32) bool {
	for _, port := range ports {
		if (port.Protocol == nil || *port.Protocol == corev1.ProtocolTCP) && port.Port.IntVal == wanted {
			return true
		}
	}
	return len(ports) == 0
}

// leadsTo reports whether the peers of a rule have an address outside the cluster. A rule without peers has all.
func leadsTo(t *testing.T, peers []networkingv1.NetworkPolicyPeer, address netip.Addr) bool {
	t.Helper()
	within := func(cidr string) bool {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			t.Fatal(err)
		}
		return prefix.Contains(address)
	}
	for _, peer := range peers {
		if peer.IPBlock == nil || !within(peer.IPBlock.CIDR) {
			continue
		}
		excepted := false
		for _, cidr := range peer.IPBlock.Except {
			excepted = excepted || within(cidr)
		}
		if !excepted {
			return true
		}
	}
	return len(peers) == 0
}

// metadataServices are where clouds hand out credentials, by IPv4 and by IPv6.
var metadataServices = []string{
	"169.254.169.254:80", "[fd00:ec2::254]:80", "[fd20:ce::254]:80", // Of machines.
	"169.254.170.23:80", "[fd00:ec2::23]:80", // EKS Pod Identity.
	"169.254.169.252:987", "169.254.169.252:988", "169.254.169.254:8080", // Workload identity on GKE.
}

// Storage and names are reached by IPv4 and IPv6; a metadata service only with the optional policy, and then at the ports
// where it is.
func TestNetworkPoliciesOpenMetadataServicesOnlyWhereAsked(t *testing.T) {
	always := []string{"203.0.113.5:443", "[2001:db8::5]:443", "10.0.0.10:53", "[fd00:10::10]:53", "169.254.20.10:53"}
	never := []string{
		"203.0.113.5:80", "[2001:db8::5]:80", "10.0.0.5:8080", "169.254.169.254:443", "169.254.170.2:80", "169.254.170.23:443", "169.254.42.42:443",
		"[fd00:ec2::254]:443", "[fd00:ec2::23]:443", "[fd20:ce::254]:443", "[fe80::1]:443", "[fe80::a9fe:a9fe]:80",
	}
	for _, side := range []string{"tenant", "gateway"} {
		policy, more := policyIn(t, side+".yaml"), policyIn(t, side+"-metadata-service.yaml")
		for _, address := range always {
			if !reaches(t, netip.MustParseAddrPort(address), policy) {
				t.Errorf("%s.yaml keeps Pods from %s", side, address)
			}
		}
		for _, address := range never {
			if reaches(t, netip.MustParseAddrPort(address), policy, more) {
				t.Errorf("%s.yaml with %s-metadata-service.yaml lets Pods reach %s", side, side, address)
			}
		}
		for _, address := range metadataServices {
			if reaches(t, netip.MustParseAddrPort(address), policy) {
				t.Errorf("%s.yaml alone lets Pods reach %s", side, address)
			}
			if !reaches(t, netip.MustParseAddrPort(address), policy, more) {
				t.Errorf("%s.yaml with %s-metadata-service.yaml keeps Pods from %s", side, side, address)
			}
		}
		if len(more.Spec.PolicyTypes) != 1 || more.Spec.PolicyTypes[0] != networkingv1.PolicyTypeEgress {
			t.Errorf("%s-metadata-service.yaml is for %v", side, more.Spec.PolicyTypes)
		}
		if a, b := metav1.FormatLabelSelector(&policy.Spec.PodSelector), metav1.FormatLabelSelector(&more.Spec.PodSelector); a != b {
			t.Errorf("the policies of %s are for different Pods: %s and %s", side, a, b)
		}
	}
}
