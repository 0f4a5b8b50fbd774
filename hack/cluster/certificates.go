//go:build linux

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificateLife is how long certificates are good for; a cluster that lives longer is to be made anew.
const certificateLife = 2 * 365 * 24 * time.Hour

// authority signs the certificates of one cluster. Its key lies in the cluster's folder, since the controller manager
// signs with it too.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// identity is a certificate with its key, both as PEM.
type identity struct{ certificate, key []byte }

// newAuthority makes a certificate authority.
func newAuthority() (authority, identity, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "swath-local-cluster"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	a := authority{certificate: template}
	id, key, err := a.sign(template)
	if err != nil {
		return authority{}, identity{}, fmt.Errorf("making the certificate authority: %w", err)
	}
	block, _ := pem.Decode(id.certificate)
	if a.certificate, err = x509.ParseCertificate(block.Bytes); err != nil {
		return authority{}, identity{}, fmt.Errorf("making the certificate authority: %w", err)
	}
	a.key = key
	return a, id, nil
}

// client makes the certificate of a user with groups.
func (a authority) client(user string, groups ...string) (identity, error) {
	id, _, err := a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return identity{}, fmt.Errorf("making the certificate of %s: %w", user, err)
	}
	return id, nil
}

// server makes the certificate that everything serves with that listens on the node's address.
func (a authority) server(n network) (identity, error) {
	id, _, err := a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: nodeName},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{
			nodeName, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local",
		},
		IPAddresses: []net.IP{
			n.Node().AsSlice(), n.KubernetesService().AsSlice(), net.IPv4(127, 0, 0, 1),
		},
	})
	if err != nil {
		return identity{}, fmt.Errorf("making the node's certificate: %w", err)
	}
	return id, nil
}

// sign completes the template, makes a key and signs; an authority without a key signs itself.
func (a authority) sign(template *x509.Certificate) (identity, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return identity{}, nil, err
	}
	template.NotBefore = time.Now().Add(-24 * time.Hour) // Clocks of virtual machines jump.
	template.NotAfter = time.Now().Add(certificateLife)
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), signer)
	if err != nil {
		return identity{}, nil, err
	}
	keyPEM, err := privatePEM(key)
	if err != nil {
		return identity{}, nil, err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return identity{certificate: certificate, key: keyPEM}, key, nil
}

func privatePEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func publicPEM(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// writeCertificates makes all keys and certificates of the cluster, and the kubeconfigs with those of the users.
func (c *cluster) writeCertificates() error {
	a, ca, err := newAuthority()
	if err != nil {
		return err
	}
	server, err := a.server(c.state.Network)
	if err != nil {
		return err
	}
	// The API server may do what it wants with a kubelet; RBAC has said before what the user may.
	kubeletClient, err := a.client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	for name, id := range map[string]identity{"ca": ca, "node": server, "kubelet-client": kubeletClient} {
		if err := c.writeIdentity(name, id); err != nil {
			return err
		}
	}
	if err := c.writeServiceAccountKey(); err != nil {
		return err
	}
	return c.writeKubeconfigs(a, ca.certificate)
}

// writeServiceAccountKey makes the key that tokens of service accounts are signed with.
func (c *cluster) writeServiceAccountKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	private, err := privatePEM(key)
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	public, err := publicPEM(key.Public())
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	if err := os.WriteFile(c.path("etc", "service-accounts.key"), private, 0o600); err != nil {
		return fmt.Errorf("writing the key of service accounts: %w", err)
	}
	if err := os.WriteFile(c.path("etc", "service-accounts.pub"), public, 0o644); err != nil {
		return fmt.Errorf("writing the key of service accounts: %w", err)
	}
	return nil
}

func (c *cluster) writeIdentity(name string, id identity) error {
	if err := os.WriteFile(c.path("etc", name+".crt"), id.certificate, 0o644); err != nil {
		return fmt.Errorf("writing a certificate: %w", err)
	}
	if err := os.WriteFile(c.path("etc", name+".key"), id.key, 0o600); err != nil {
		return fmt.Errorf("writing a certificate's key: %w", err)
	}
	return nil
}
