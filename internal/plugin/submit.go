package plugin

import (
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// submission are the flags of submit.
type submission struct {
	name           string
	task           string
	training       string
	validation     string
	suspend        bool
	backoffLimit   int32
	activeDeadline time.Duration
	ttl            time.Duration
	watch          bool
	timeout        time.Duration
	dryRun         bool
	upload         bool
	parameters     *parameterFlags
}

func newSubmit(s *session) *cobra.Command {
	f := submission{parameters: newParameterFlags()}
	command := &cobra.Command{
		Use:   "submit --task TASK --training-file ID|@FILE",
		Short: "Make a TrainingJob",
		Example: "  kubectl swath submit --task classification --training-file @ships-train.h5 --validation-file @ships-validation.h5 --watch\n" +
			"  kubectl swath submit --task segmentation --num-classes 7 --training-file file-lw3zjxrg2k7q --name landcover",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.submit(c, &f) },
	}
	flags := command.Flags()
	flags.StringVar(&f.name, "name", "", "the name of the TrainingJob; made up when left out")
	flags.StringVar(&f.task, "task", "", "classification or segmentation (required)")
	flags.StringVar(&f.training, "training-file", "", "the ID of an uploaded file, or @FILE to upload one (required)")
	flags.StringVar(&f.validation, "validation-file", "", "the ID of an uploaded file, or @FILE to upload one")
	flags.BoolVar(&f.suspend, "suspend", false, "hold the job until kubectl swath resume")
	flags.Int32Var(&f.backoffLimit, "backoff-limit", 3, "how often a failed stage is started again")
	flags.DurationVar(&f.activeDeadline, "active-deadline", 0, "how long the job may train")
	flags.DurationVar(&f.ttl, "ttl-after-finished", 0, "how long after its end the TrainingJob is deleted")
	flags.BoolVarP(&f.watch, "watch", "w", false, "wait for the end and show the progress")
	addTimeout(flags, &f.timeout)
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the TrainingJob and make nothing")
	flags.BoolVar(&f.upload, "upload", false, "with --dry-run: upload each @FILE, so that what is printed can be applied")
	f.parameters.add(flags)
	for _, name := range []string{"training-file", "validation-file"} {
		// The flags are there.
		_ = command.RegisterFlagCompletionFunc(name, s.completeFiles)
	}
	for name, values := range map[string][]string{"task": {"classification", "segmentation"}, "model-size": {"small", "base", "large"}} {
		// The flags are there.
		_ = command.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	_ = command.MarkFlagRequired("task")
	_ = command.MarkFlagRequired("training-file")
	return command
}

func (s *session) submit(c *cobra.Command, f *submission) error {
	ctx := c.Context()
	job, err := s.newJob(c, f)
	if err != nil {
		return err
	}
	if f.dryRun {
		return s.printJob(ctx, job, f.upload)
	}
	cluster, err := s.cluster()
	if err != nil {
		return err
	}
	if len(localFiles(job)) > 0 {
		if err := rehearse(ctx, cluster, job); err != nil {
			return err
		}
		if err := s.uploadNamed(ctx, job); err != nil {
			return err
		}
	}
	if err := cluster.Create(ctx, job); err != nil {
		return fmt.Errorf("making the TrainingJob: %w", err)
	}
	fmt.Fprintf(s.Out, "trainingjob.%s/%s created\n", v1alpha1.GroupName, job.Name)
	if f.watch {
		return s.follow(ctx, cluster, job, f.timeout)
	}
	return nil
}

// newJob is the TrainingJob that the flags describe; files to upload are still named by their paths.
func (s *session) newJob(c *cobra.Command, f *submission) (*v1alpha1.TrainingJob, error) {
	namespace, err := s.namespace()
	if err != nil {
		return nil, err
	}
	job := &v1alpha1.TrainingJob{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.TrainingJobKind},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: f.name},
		Spec:       v1alpha1.TrainingJobSpec{Task: v1alpha1.Task(f.task), TrainingFile: v1alpha1.FileName(f.training)},
	}
	if f.name == "" {
		job.GenerateName = f.task + "-"
	}
	if f.validation != "" {
		job.Spec.ValidationFile = ptr.To(v1alpha1.FileName(f.validation))
	}
	if job.Spec.Hyperparameters, err = f.parameters.read(); err != nil {
		return nil, err
	}
	if f.suspend {
		job.Spec.Suspend = ptr.To(true)
	}
	if c.Flags().Changed("backoff-limit") {
		job.Spec.BackoffLimit = &f.backoffLimit
	}
	return job, f.readTimes(c, &job.Spec)
}

// readTimes reads the flags that are times.
func (f *submission) readTimes(c *cobra.Command, spec *v1alpha1.TrainingJobSpec) error {
	if c.Flags().Changed("active-deadline") {
		deadline, err := wholeSeconds("active-deadline", f.activeDeadline, time.Second)
		if err != nil {
			return err
		}
		spec.ActiveDeadlineSeconds = ptr.To(int64(deadline))
	}
	if c.Flags().Changed("ttl-after-finished") {
		ttl, err := wholeSeconds("ttl-after-finished", f.ttl, 0)
		if err != nil {
			return err
		}
		spec.TTLSecondsAfterFinished = &ttl
	}
	return nil
}

// wholeSeconds is the value of a flag in seconds, rounded up.
func wholeSeconds(flag string, value, least time.Duration) (int32, error) {
	const longest = math.MaxInt32 * time.Second // The API's bound, 68 years.
	if value < least || value > longest {
		return 0, fmt.Errorf("--%s %s is out of range: give at least %s and at most %s (68 years)", flag, value, least, longest)
	}
	return int32((value + time.Second - 1) / time.Second), nil
}
