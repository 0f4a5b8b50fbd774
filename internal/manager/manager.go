// Package manager puts the operator together from its configuration.
package manager

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/controllers"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/queue"
)

// Options are what the command line says.
type Options struct {
	// MetricsAddress and HealthAddress are host:port; "0" turns them off.
	MetricsAddress string
	HealthAddress  string
	// MetricsSecure serves metrics over HTTPS, to callers with a token that may read
	// them. MetricsCertPath is the folder of the certificate, tls.crt and tls.key; the
	// certificate is self-signed when empty.
	MetricsSecure   bool
	MetricsCertPath string
	// ProfileAddress is host:port to serve Go's profiles at; none when empty.
	ProfileAddress string
	// LeaderElect makes several replicas agree on one that works.
	LeaderElect bool
	// LeaderElectionNamespace is the operator's own when empty.
	LeaderElectionNamespace string

	// Clock and Registry are the real ones when nil. Tune changes what New gives
	// to controller-runtime. They are for programs, such as tests, that run more
	// than one operator in a process.
	Clock             clock.PassiveClock
	Registry          prometheus.Registerer
	Tune              func(*ctrl.Options)
	ProgressTransport http.RoundTripper
}

func (o *Options) setDefaults() {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Registry == nil {
		o.Registry = metrics.Registry
	}
	if o.Tune == nil {
		o.Tune = func(*ctrl.Options) {}
	}
}

// Scheme has the kinds that the operator reads and writes.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// New makes the operator; Start on the result runs it.
func New(ctx context.Context, restConfig *rest.Config, c *config.Config, o Options) (ctrl.Manager, error) {
	o.setDefaults()
	restConfig = rest.CopyConfig(restConfig)
	restConfig.QPS, restConfig.Burst = c.Controller.QPS, c.Controller.Burst
	options, err := controllerOptions(c, o)
	if err != nil {
		return nil, err
	}
	o.Tune(&options)
	if options.Logger.GetSink() == nil {
		options.Logger = ctrl.Log
	}
	options.Logger = quiet(options.Logger)
	mgr, err := ctrl.NewManager(restConfig, options)
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	schema, err := crdSchema(mgr, o.Clock)
	if err != nil {
		return nil, err
	}
	reconciler := &controllers.TrainingJobReconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Config: c, Clock: o.Clock,
		Recorder: mgr.GetEventRecorder("swath"),
		Queue:    queue.NewLedger(c.Limits.RunningJobs, c.Limits.RunningJobsPerNamespace),
		Metrics:  controllers.NewMetrics(o.Registry),
		Schema:   schema,
	}
	if err := reconciler.SetupWithManager(ctx, mgr); err != nil {
		return nil, fmt.Errorf("setting up the controller of TrainingJobs: %w", err)
	}
	o.Registry.MustRegister(&controllers.StateCollector{Client: mgr.GetClient(), Queue: reconciler.Queue, Clock: o.Clock, Elected: mgr.Elected()})
	progress := &controllers.ProgressReader{Client: mgr.GetClient(), Config: c.Progress, Clock: o.Clock, Schema: schema, Transport: o.ProgressTransport}
	if err := mgr.Add(progress); err != nil {
		return nil, fmt.Errorf("adding the reader of progress: %w", err)
	}
	// Deletions are dated by the API server, so that the real time tells which are overdue.
	stranded := &controllers.StrandedPods{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespaces: c.Controller.Namespaces, LostAfter: c.Pods.LostAfter.Duration, Clock: clock.RealClock{},
	}
	if err := mgr.Add(stranded); err != nil {
		return nil, fmt.Errorf("adding what releases stranded Pods: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding the health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding the readiness check: %w", err)
	}
	if err := mgr.AddReadyzCheck("crd", schema.Ready); err != nil {
		return nil, fmt.Errorf("adding the readiness check of the CRD: %w", err)
	}
	return mgr, nil
}

// crdSchema asks the manager's API server what its CRD keeps.
func crdSchema(mgr ctrl.Manager, now clock.PassiveClock) (*controllers.Schema, error) {
	server, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making the client that reads the published schema: %w", err)
	}
	return &controllers.Schema{Dropped: controllers.DroppedField(server.RESTClient()), Clock: now, Recorder: mgr.GetEventRecorder("swath")}, nil
}

func controllerOptions(c *config.Config, o Options) (ctrl.Options, error) {
	metricsServer, err := metricsOptions(o)
	if err != nil {
		return ctrl.Options{}, err
	}
	return ctrl.Options{
		Scheme:                        Scheme(),
		Cache:                         cacheOptions(c.Controller.Namespaces),
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Metrics:                       metricsServer,
		HealthProbeBindAddress:        o.HealthAddress,
		PprofBindAddress:              o.ProfileAddress,
		LeaderElection:                o.LeaderElect,
		LeaderElectionID:              "manager." + v1alpha1.GroupName,
		LeaderElectionNamespace:       o.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(10 * time.Second),
		RenewDeadline:                 ptr.To(7 * time.Second),
		RetryPeriod:                   ptr.To(2 * time.Second),
	}, nil
}

// cacheOptions keep the caches small: only our Pods, and of them only what counts.
func cacheOptions(namespaces []string) cache.Options {
	ours, err := labelled(v1alpha1.LabelJobName)
	utilruntime.Must(err)
	var only map[string]cache.Config
	for _, namespace := range namespaces {
		if only == nil {
			only = make(map[string]cache.Config, len(namespaces))
		}
		only[namespace] = cache.Config{}
	}
	return cache.Options{
		DefaultNamespaces: only,
		DefaultTransform:  cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}: {Label: ours, Transform: slimPod},
		},
	}
}
