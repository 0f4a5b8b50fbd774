// Package e2e tests Swath as a user meets it: the operator installed from
// config/ in the local cluster (hack/cluster), with a real kubelet, real
// containers and real satellite imagery. `make test-e2e` sets it up and runs
// it; without that set-up every test is skipped and says so.
package e2e
