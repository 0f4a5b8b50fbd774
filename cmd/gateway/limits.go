package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/swath-dev/swath/internal/gateway"
)

// limitFlags are the flags for what requests may take.
func limitFlags(flags *pflag.FlagSet, limits *gateway.Limits) {
	flags.Int64Var(&limits.FileBytes, "max-file-bytes", 64<<30, "the largest upload in bytes")
	flags.Int64Var(&limits.InferenceMemory, "inference-memory", 512<<20, "what inference may take of memory in bytes: bodies, pixels, models and what they work in. One namespace may have half of it")
	flags.IntVar(&limits.InFlight, "max-requests", 512, "how many requests are worked on at a time")
	flags.IntVar(&limits.InFlightPerNamespace, "max-requests-per-namespace", 128, "how many of them may be for one namespace")
	flags.IntVar(&limits.Uploads, "max-transfers", 64, "how many uploads and downloads go on at a time")
	flags.IntVar(&limits.UploadsPerNamespace, "max-transfers-per-namespace", 8, "how many of them one namespace may have")
	flags.DurationVar(&limits.PaceTime, "pace", time.Minute, "in which time each MiB of an upload or download has to come or go")
	flags.DurationVar(&limits.BodyTime, "body-time", 10*time.Second, "in which time a small body has to be there")
	flags.Float64Var(&limits.PerSecond, "requests-per-second", 50, "how many requests a caller may make a second in the long run")
	flags.IntVar(&limits.Burst, "burst", 200, "how many requests a caller may make at once")
}
