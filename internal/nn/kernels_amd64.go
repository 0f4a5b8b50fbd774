package nn

func availableKernels() []*kernels { return []*kernels{portableKernels} }
