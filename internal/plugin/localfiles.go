package plugin

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// localMark is what the names of files begin with that are to be uploaded.
const localMark = "@"

// placeholder is the beginning of a file's ID while a TrainingJob is rehearsed: each file has one of its own, since the same
// for training and validation is refused.
const placeholder = "file-to-be-uploaded-"

// localFiles are the fields of a job that name local files.
func localFiles(job *v1alpha1.TrainingJob) []*v1alpha1.FileName {
	var local []*v1alpha1.FileName
	for _, name := range []*v1alpha1.FileName{&job.Spec.TrainingFile, job.Spec.ValidationFile} {
		if name != nil && strings.HasPrefix(string(*name), localMark) {
			local = append(local, name)
		}
	}
	return local
}

func localPath(name v1alpha1.FileName) string { return strings.TrimPrefix(string(name), localMark) }

// rehearse finds out whether the job could be made once its files are uploaded, which may take hours: whether the files are
// there, and what the API server says to the job with all its rights, bounds, policies and quotas.
func rehearse(ctx context.Context, cluster client.Client, job *v1alpha1.TrainingJob) error {
	trial := job.DeepCopy()
	ids := map[v1alpha1.FileName]v1alpha1.FileName{}
	for _, name := range localFiles(trial) {
		info, err := os.Stat(localPath(*name))
		if err != nil {
			return fmt.Errorf("looking for the file to upload: %w", err)
		}
		if info.IsDir() {
			return fmt.Errorf("%s is a folder; name a file", localPath(*name))
		}
		if ids[*name] == "" {
			ids[*name] = v1alpha1.FileName(placeholder + strconv.Itoa(len(ids)+1))
		}
		*name = ids[*name]
	}
	err := cluster.Create(ctx, trial, client.DryRunAll)
	if apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run") {
		return nil // A webhook of somebody else; it will be asked when the job is made.
	}
	if err != nil {
		return fmt.Errorf("making the TrainingJob (nothing is uploaded yet): %w", err)
	}
	return nil
}

// uploadNamed uploads the local files of a job, and puts their IDs in place.
func (s *session) uploadNamed(ctx context.Context, job *v1alpha1.TrainingJob) error {
	gateway, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer gateway.close()
	for _, name := range localFiles(job) {
		uploaded, err := s.uploadFile(ctx, gateway, localPath(*name))
		if err != nil {
			return err
		}
		*name = v1alpha1.FileName(uploaded.ID)
	}
	return nil
}

// printJob prints the manifest. One that names local files cannot be applied, and says so.
func (s *session) printJob(ctx context.Context, job *v1alpha1.TrainingJob, upload bool) error {
	local := localFiles(job)
	if len(local) > 0 && upload {
		if err := s.uploadNamed(ctx, job); err != nil {
			return err
		}
		local = nil
	}
	for _, name := range local {
		fmt.Fprintf(s.Out, "# Not to be applied as it is: upload the file (kubectl swath upload %s)\n# and put its ID in place of %s, or say --upload to have that done.\n", localPath(*name), *name)
	}
	data, err := yaml.Marshal(job)
	if err != nil {
		return fmt.Errorf("writing the TrainingJob: %w", err)
	}
	_, err = s.Out.Write(data)
	return err
}
