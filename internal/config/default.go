package config

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Default is the configuration of everything that a file leaves out. Image and
// storage have none.
func Default() Config {
	return Config{
		Prepare: Prepare{
			PodShape: PodShape{
				Resources:   requirements("500m", "512Mi", "2", "1Gi"),
				WorkDirSize: resource.MustParse("20Gi"),
			},
			// Fetching 100 GB at 10 MB/s takes three hours.
			Timeout: duration(4 * time.Hour),
		},
		Train: PodShape{
			Resources:   requirements("1", "2Gi", "4", "4Gi"),
			WorkDirSize: resource.MustParse("20Gi"),
		},
		// A cluster that adds nodes as they are needed takes some minutes for that.
		Limits: Limits{UnschedulableAfter: duration(5 * time.Minute)},
		Allow:  Allow{EnvPrefixes: []string{"*"}, Affinity: []string{"nodeAffinity"}},
		Retry: Retry{
			BackoffInitial: duration(10 * time.Second),
			BackoffMax:     duration(10 * time.Minute),
			BlockedTimeout: duration(10 * time.Minute),
		},
		Pods: Pods{
			LostAfter: duration(5 * time.Minute),
		},
		Progress: Progress{
			Interval:           duration(10 * time.Second),
			MinWriteInterval:   duration(time.Minute),
			MaxWritesPerSecond: 50,
			Workers:            16,
		},
		Controller: Controller{Workers: 16, QPS: 200, Burst: 400, NewsPerSecond: 10},
	}
}

func requirements(requestCPU, requestMemory, limitCPU, limitMemory string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(requestCPU), corev1.ResourceMemory: resource.MustParse(requestMemory),
			corev1.ResourceEphemeralStorage: resource.MustParse("1Gi"),
		},
		Limits: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(limitCPU), corev1.ResourceMemory: resource.MustParse(limitMemory),
			corev1.ResourceEphemeralStorage: resource.MustParse("22Gi"),
		},
	}
}

func duration(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
