package manager

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// metricsOptions are how metrics are served. Secure, they are served over HTTPS, and the
// API server decides who may read them.
func metricsOptions(o Options) (metricsserver.Options, error) {
	options := metricsserver.Options{BindAddress: o.MetricsAddress}
	if !o.MetricsSecure {
		if o.MetricsCertPath != "" {
			return options, errors.New("--metrics-cert-path is set without --metrics-secure, so that metrics would be served without the certificate: set both")
		}
		return options, nil
	}
	options.SecureServing = true
	options.FilterProvider = filters.WithAuthenticationAndAuthorization
	if o.MetricsCertPath == "" {
		return options, nil
	}
	options.CertDir, options.CertName, options.KeyName = o.MetricsCertPath, corev1.TLSCertKey, corev1.TLSPrivateKeyKey
	// Without this check, controller-runtime takes a self-signed certificate where the
	// files are missing.
	if _, err := tls.LoadX509KeyPair(filepath.Join(options.CertDir, options.CertName), filepath.Join(options.CertDir, options.KeyName)); err != nil {
		return options, fmt.Errorf("reading %s and %s of --metrics-cert-path: %w", options.CertName, options.KeyName, err)
	}
	return options, nil
}
