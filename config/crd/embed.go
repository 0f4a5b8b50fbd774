// Package crd has the CustomResourceDefinitions, for programs that read their schema.
package crd

import _ "embed"

// TrainingJobs is the CustomResourceDefinition of the TrainingJob, as YAML.
//
//go:embed bases/training.swath.dev_trainingjobs.yaml
var TrainingJobs []byte
