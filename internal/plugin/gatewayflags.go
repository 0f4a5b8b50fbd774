package plugin

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// Environment variables that take the place of flags. They are read when they are needed, and never defaults of flags, which
// help would print.
const (
	serverVariable = "SWATH_SERVER"
	tokenVariable  = "SWATH_TOKEN"
	caVariable     = "SWATH_CA"
)

// gatewayFlags say how to reach the gateway.
type gatewayFlags struct {
	address        string
	ca             string
	token          string
	tokenFile      string
	namespace      string
	service        string
	serviceAccount string
	audience       string
}

func (g *gatewayFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&g.address, "gateway", "", "the gateway's address, such as https://swath.example.com ("+serverVariable+"); without one it is reached through the API server")
	flags.StringVar(&g.ca, "gateway-ca", "", "a file with the certificates (PEM) of authorities to trust beside the system's, for --gateway ("+caVariable+")")
	flags.StringVar(&g.token, "gateway-token", "", "a token for the gateway ("+tokenVariable+"); without one it is asked for from the API server")
	flags.StringVar(&g.tokenFile, "gateway-token-file", "", "a file with a token for the gateway")
	flags.StringVar(&g.namespace, "gateway-namespace", "swath-system", "the namespace of the gateway's Service")
	flags.StringVar(&g.service, "gateway-service", "gateway", "the name of the gateway's Service")
	flags.StringVar(&g.serviceAccount, "service-account", swathAccount, "the service account of the namespace that the token is asked for; the gateway goes by its rights")
	flags.StringVar(&g.audience, "gateway-audience", "swath", "the audience of the token")
}

// readAddress gives the gateway's address without a slash at the end, or "" where none is given.
func (g *gatewayFlags) readAddress() (string, error) {
	address := strings.TrimRight(firstOf(g.address, os.Getenv(serverVariable)), "/")
	if address == "" {
		return "", nil
	}
	if parsed, err := url.Parse(address); err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return "", fmt.Errorf("the gateway's address %q must be one such as https://swath.example.com", address)
	}
	return address, nil
}

// readToken gives the token of the flags or the environment, or "" where none is given.
func (g *gatewayFlags) readToken() (string, error) {
	if g.token != "" && g.tokenFile != "" {
		return "", errors.New("--gateway-token and --gateway-token-file are both given: leave one out")
	}
	if g.tokenFile == "" {
		return firstOf(g.token, os.Getenv(tokenVariable)), nil
	}
	data, err := os.ReadFile(g.tokenFile)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", fmt.Errorf("reading the token: %s is empty", g.tokenFile)
	}
	return token, nil
}

// client trusts the authorities of the system and of --gateway-ca.
func (g *gatewayFlags) client() (*http.Client, error) {
	name := firstOf(g.ca, os.Getenv(caVariable))
	if name == "" {
		return &http.Client{}, nil
	}
	certificates, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities to trust: %w", err)
	}
	trusted, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's authorities: %w", err)
	}
	if !trusted.AppendCertsFromPEM(certificates) {
		return nil, fmt.Errorf("reading the authorities to trust: %s has no certificate in PEM", name)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	return &http.Client{Transport: transport}, nil
}

func firstOf(flag, variable string) string {
	if flag != "" {
		return flag
	}
	return variable
}
