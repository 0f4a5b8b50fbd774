// Package plugin is kubectl swath: what a person does with files, jobs and models, one command each.
//
// Jobs are TrainingJobs, so those commands speak to the API server with the rights of the kubeconfig. Files, models and
// results are behind the gateway, which is reached through the API server when no address is given.
package plugin

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/plaintext"
	"github.com/swath-dev/swath/internal/version"
)

// session is what all commands share.
type session struct {
	genericiooptions.IOStreams
	kubeconfig *genericclioptions.ConfigFlags
	gateway    gatewayFlags
}

// SystemStreams are the streams of this process.
func SystemStreams() genericiooptions.IOStreams {
	return genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
}

// plain are the same streams, to which all text of others goes without escape sequences: nothing is written to others.
func plain(streams genericiooptions.IOStreams) genericiooptions.IOStreams {
	streams.Out, streams.ErrOut = plaintext.NewWriter(streams.Out), plaintext.NewWriter(streams.ErrOut)
	return streams
}

// NewCommand returns the command kubectl-swath.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	streams = plain(streams)
	s := &session{IOStreams: streams, kubeconfig: genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:     "kubectl-swath",
		Short:   "Train image models on satellite imagery",
		Version: version.String(),
		Annotations: map[string]string{
			cobra.CommandDisplayNameAnnotation: "kubectl swath",
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	s.kubeconfig.AddFlags(root.PersistentFlags())
	s.gateway.add(root.PersistentFlags())
	root.AddCommand(
		newUpload(s), newFiles(s), newSubmit(s), newWatch(s), newResults(s), newModels(s), newDownload(s), newPredict(s),
		newSwitch(s, cancelling), newSwitch(s, suspending), newSwitch(s, resuming),
	)
	return root
}

// namespace is the one of the flags or the kubeconfig.
func (s *session) namespace() (string, error) {
	namespace, _, err := s.kubeconfig.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return namespace, nil
}

// cluster is a client of the API server with the rights of the kubeconfig.
func (s *session) cluster() (client.WithWatch, error) {
	config, err := s.kubeconfig.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	cluster, err := client.NewWithWatch(config, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	if err := v1alpha1.AddToScheme(cluster.Scheme()); err != nil {
		return nil, fmt.Errorf("building the scheme: %w", err)
	}
	return cluster, nil
}
