// Package gateway serves the documented HTTP API: training jobs, files, models and inference. Its jobs are TrainingJobs, its
// files and models are in the storage of the caller's namespace. It keeps no state of its own, so any number of replicas give
// the same answers. docs/http-api.md describes the API for those who use it.
package gateway
