# Swath: what can be done from the root of the repository. `make help` lists it.

SHELL := /usr/bin/env bash -o pipefail
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help

GO ?= go
# The tools are pinned in modules of their own: their dependencies are not ours.
TOOL := $(GO) tool -modfile=hack/tools/go.mod
LINT := $(GO) tool -modfile=$(CURDIR)/hack/tools/lint/go.mod golangci-lint-kube-api-linter

# VERSION is what the programs say they are.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/swath-dev/swath/internal/version.Version=$(VERSION)
PROGRAMS := manager trainer gateway kubectl-swath
# KUSTOMIZATION is what is installed: config/complete has the HTTP API too.
KUSTOMIZATION ?= config/default

##@ General

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*## "; printf "Usage: make \033[36mTARGET\033[0m\n"} \
		/^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
		/^[a-zA-Z0-9_-]+:.*## / {printf "  \033[36m%-20s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Do all the set-up and train models on real satellite imagery in a local cluster.
	hack/demo/run

##@ Build

.PHONY: build
build: ## Build the programs into bin/.
	@mkdir -p bin
	@for program in $(PROGRAMS); do \
		echo "building bin/$$program"; \
		CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/$$program ./cmd/$$program; \
	done

.PHONY: generate
generate: ## Make the generated files again: CRD, RBAC, deep copies, kernels, documents.
	$(TOOL) controller-gen object crd:allowDangerousTypes=true rbac:roleName=swath-manager \
		paths=./api/... paths=./controllers/... \
		output:crd:dir=config/crd/bases output:rbac:dir=config/rbac
	$(GO) generate ./...

.PHONY: fmt
fmt: ## Format the code.
	$(LINT) fmt

##@ Verify

.PHONY: verify
verify: verify-generated verify-format lint vulncheck ## Check that all is generated, formatted, linted and without known vulnerability.

.PHONY: verify-generated
verify-generated: ## Check that the generated files are fresh.
	hack/verify-generated

.PHONY: verify-format
verify-format: ## Check that the code is formatted and the modules are tidy.
	$(LINT) fmt --diff
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: lint
lint: ## Lint the code, the API and the import rule.
	$(LINT) run
	cd test/alerts && $(LINT) run --config $(CURDIR)/.golangci.yml

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities (GOVULNDB names the database).
	hack/vulncheck

##@ Test

.PHONY: test
test: ## Do all the set-up and run all tests.
	hack/test

.PHONY: test-unit
test-unit: ## Run the tests that need no API server and no cluster.
	$(GO) test $$($(GO) list ./... | grep -v /swath/test/)

# The packages in which tests wait for programs come first, and three at a time: there is always something to compute.
.PHONY: test-integration
test-integration: ## Run all tests but the end-to-end ones; a real API server and etcd are started for them.
	KUBEBUILDER_ASSETS=$$($(GO) run ./hack/cluster/envtest) $(GO) test -p 3 -timeout 30m $$($(GO) list ./... | grep -v /swath/test/e2e | sort -r)
	cd test/alerts && $(GO) test ./...

.PHONY: test-api
test-api: ## Let schemathesis look for requests on which the HTTP API and its description differ (where PyPI is at hand).
	hack/test-api

.PHONY: test-e2e
test-e2e: deploy-local ## Run the end-to-end tests on the local cluster (Linux, root).
	SWATH_E2E_CLUSTER=$(CURDIR)/bin/cluster SWATH_E2E_TRAINER=$(CURDIR)/bin/trainer $(GO) test -count=1 -timeout 40m -parallel 4 -v ./test/e2e/...

##@ Benchmarks

.PHONY: bench-trainer
bench-trainer: ## Compare training, inference and HDF5 with PyTorch and h5py (PYTHON= chooses the Python).
	hack/bench-trainer

.PHONY: bench-controller
bench-controller: ## Compare the operator with the Job controller, on a real API server with simulated nodes.
	$(GO) run ./test/bench/controller

.PHONY: bench-gateway
bench-gateway: ## Compare the HTTP API with the API server, and uploads with a plain copy.
	$(GO) run ./test/bench/gateway

include hack/cluster/cluster.mk

##@ Install

.PHONY: deploy
deploy: ## Install Swath in the cluster of the current kubeconfig, with the images of REGISTRY and TAG.
	hack/deploy $(KUSTOMIZATION) "$(REGISTRY)" "$(TAG)"

.PHONY: undeploy
undeploy: ## Remove Swath, and with its CRD every TrainingJob, from the cluster of the current kubeconfig.
	hack/undeploy $(KUSTOMIZATION)

.PHONY: deploy-local
deploy-local: cluster-up build load-images ## Install Swath in the local cluster.
	@$(GO) build -o bin/cluster ./hack/cluster
	@ln -sf "$$($(GO) run ./hack/cluster/envtest)/kubectl" bin/kubectl
	@KUBECONFIG=$(CURDIR)/.cluster/kubeconfig PATH=$(CURDIR)/bin:$$PATH hack/deploy config/local "$(REGISTRY)" "$(TAG)"
