//go:build !amd64

package nn

func availableKernels() []*kernels { return []*kernels{portableKernels} }
