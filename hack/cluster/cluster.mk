# The local cluster and the images: see hack/cluster/README.md. Included by the Makefile.

GO ?= go
CLUSTER := $(GO) run ./hack/cluster
IMAGES := ./cmd/manager ./cmd/trainer ./cmd/gateway
# REGISTRY and TAG name the images: REGISTRY/trainer:TAG.
REGISTRY ?= swath.local
TAG ?= dev
PLATFORMS ?= linux/amd64,linux/arm64
IMAGE_FLAGS = -registry $(REGISTRY) -tag $(TAG) -ldflags '-X github.com/swath-dev/swath/internal/version.Version=$(VERSION)'

##@ Local cluster

.PHONY: cluster-up
cluster-up: ## Start a single-node Kubernetes on this machine (Linux, root), in .cluster/.
	@$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## End the local cluster and remove everything of it.
	@$(CLUSTER) down

.PHONY: cluster-status
cluster-status: ## Show what of the local cluster runs.
	@$(CLUSTER) status

.PHONY: cluster-test
cluster-test: ## Test the local cluster itself, on one of its own beside it.
	$(GO) test -tags e2e -count=1 -timeout 20m ./hack/cluster

.PHONY: images
images: ## Make the container images, as archives in bin/images/.
	@$(GO) run ./hack/images $(IMAGE_FLAGS) $(IMAGES)

.PHONY: load-images
load-images: images ## Make the container images and import them into the local cluster.
	@$(CLUSTER) load-image $(patsubst ./cmd/%,bin/images/%.tar,$(IMAGES))

.PHONY: images-push
images-push: ## Make the container images for PLATFORMS and push them to REGISTRY.
	@$(GO) run ./hack/images $(IMAGE_FLAGS) -platform $(PLATFORMS) -push $(IMAGES)

.PHONY: envtest-assets
envtest-assets: ## Print the folder with API server, etcd and kubectl (KUBEBUILDER_ASSETS), building them if missing.
	@$(GO) run ./hack/cluster/envtest
