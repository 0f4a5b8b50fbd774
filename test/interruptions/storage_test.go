package interruptions

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/programs"
	"github.com/swath-dev/swath/test/s3"
)

const job = "trainingjob-abcdefghijkl"

// bucket is storage with the files of a job in it.
type bucket struct {
	recipe
	url         string
	environment []string
	store       *storage.Store
}

func newBucket(t *testing.T, r recipe, url string, environment []string) *bucket {
	t.Helper()
	store, err := storage.Open(t.Context(), url, "tenant")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	for id, path := range map[string]string{"file-train": r.training, "file-validation": r.validation} {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := store.PutFile(t.Context(), id, filepath.Base(path), file, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	environment = append(environment, contract.EnvStorageURL+"="+url, contract.EnvStoragePrefix+"=tenant")
	if r.limit > 0 {
		environment = append(environment, contract.EnvMemoryLimit+"="+strconv.FormatInt(r.limit, 10))
	}
	return &bucket{r, url, environment, store}
}

// stage starts the stage train, and gives the file of its termination message.
func (b *bucket) stage(t *testing.T, interval string, more ...string) (p *process, message string) {
	t.Helper()
	folder := t.TempDir()
	message = filepath.Join(folder, "message")
	if err := os.WriteFile(message, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"stage", "train", "--job", job, "--start", "1", "--task", b.task, "--training-file", "file-train", "--validation-file", "file-validation",
		"--hyperparameters", fmt.Sprintf(`{"numClasses": %d, "epochs": %d}`, b.classes, b.epochs), "--work-dir", folder,
		"--termination-message-path", message, "--listen", "127.0.0.1:0", "--checkpoint-interval", interval,
	}
	return start(t, b.environment, programs.Trainer(t), append(args, more...)...), message
}

// step is that of the newest checkpoint, 0 without one.
func (b *bucket) step(t *testing.T) int {
	objects, err := b.store.JobObjects(t.Context(), job)
	if err != nil {
		return 0
	}
	newest := 0
	for _, o := range objects {
		var n int
		if _, err := fmt.Sscanf(o.Key, "checkpoint-%d.swath", &n); err == nil {
			newest = max(newest, n)
		}
	}
	return newest
}

// model copies what the bucket has of the model, and checks the message that proves it.
func (b *bucket) model(t *testing.T, message string) map[string]string {
	t.Helper()
	folder := t.TempDir()
	ctx := context.WithoutCancel(t.Context())
	id := contract.ModelID(job)
	standing, err := b.store.ModelManifest(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(message)
	if err != nil {
		t.Fatal(err)
	}
	said, err := contract.Decode(string(text))
	if err != nil || said.Model != id || said.Manifest != storage.DigestOf(standing).SHA256 || said.Error != "" {
		t.Errorf("the termination message does not prove the model: %s (%v)", text, err)
	}
	var parts struct {
		Parts []struct{ Name, SHA256 string }
	}
	if err := json.Unmarshal(standing, &parts); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts.Parts {
		r, err := b.store.OpenModelPart(ctx, id, part.Name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.Create(filepath.Join(folder, part.Name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
		file.Close()
	}
	if err := os.WriteFile(filepath.Join(folder, "model.json"), standing, 0o600); err != nil {
		t.Fatal(err)
	}
	results := filepath.Join(t.TempDir(), "results.csv")
	if _, err := b.store.FetchFile(ctx, contract.ResultsFileID(job), results); err != nil {
		t.Fatal(err)
	}
	left, err := b.store.JobObjects(ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range left {
		if strings.HasPrefix(o.Key, "checkpoint") {
			t.Errorf("%s was left behind", o.Key)
		}
	}
	return model(t, folder, results)
}

// undisturbedStage is what the stage leaves that nothing interrupts.
func (r recipe) undisturbedStage(t *testing.T) map[string]string {
	t.Helper()
	b := newBucket(t, r, "file://"+t.TempDir(), nil)
	p, message := b.stage(t, "1h")
	p.succeed(t)
	return b.model(t, message)
}

func TestOnAVolumeAStageThatIsKilledEndsTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		recipe
		at []int
	}{
		"classification":                    {classified, []int{3, 40, 90}},
		"segmentation, streamed in windows": {windowed(t), []int{2, 10, 19}},
	} {
		t.Run(name, func(t *testing.T) {
			want := c.undisturbedStage(t)
			b := newBucket(t, c.recipe, "file://"+t.TempDir(), nil)
			for _, at := range c.at {
				p, _ := b.stage(t, "0s")
				if !p.when(t, fmt.Sprintf("step %d", at), func() bool { return b.step(t) >= at }) {
					t.Fatalf("the training ended before step %d:\n%s", at, p.output)
				}
				p.kill(t)
			}
			p, message := b.stage(t, "1h")
			p.succeed(t)
			same(t, b.model(t, message), want)
			// A message that was lost is said again.
			p, message = b.stage(t, "1h")
			p.succeed(t)
			same(t, b.model(t, message), want)
		})
	}
}

func TestOnS3AStageSurvivesKillsAndAServerThatStops(t *testing.T) {
	want := classified.undisturbedStage(t)
	server := s3.Start(t)
	server.Setenv(t)
	b := newBucket(t, classified, server.Bucket(t, "swath"), server.Environment())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for at := 1 + random.IntN(10); at < 80; at += 10 + random.IntN(30) {
		p, _ := b.stage(t, "0s")
		if !p.when(t, fmt.Sprintf("step %d", at), func() bool { return b.step(t) >= at }) {
			t.Fatalf("the training ended before step %d:\n%s", at, p.output)
		}
		p.kill(t)
	}
	p, message := b.stage(t, "300ms")
	p.when(t, "going on", func() bool { return strings.Contains(p.output.String(), "resumed from a checkpoint") })
	server.Stop()
	// With the server down training goes on, and at its end waits for the bucket.
	if !p.when(t, "a bucket that is missed", func() bool { return strings.Contains(p.output.String(), "storage is unavailable, trying again") }) {
		t.Fatalf("the training ended without its bucket:\n%s", p.output)
	}
	server.Restart(t)
	p.succeed(t)
	same(t, b.model(t, message), want)
}

func TestStorageThatStaysAwayIsNoFailureForGood(t *testing.T) {
	server := s3.Start(t)
	server.Setenv(t)
	b := newBucket(t, classified, server.Bucket(t, "swath"), server.Environment())
	server.Stop()
	p, _ := b.stage(t, "1h")
	if !p.when(t, "trying again", func() bool { return strings.Contains(p.output.String(), "trying again") }) {
		t.Fatalf("the stage ended with %d:\n%s", p.exit(t), p.output)
	}
	p.terminate(t)
	if code := p.exit(t); code != contract.ExitInterrupted {
		t.Errorf("told to stop it ended with %d, want %d", code, contract.ExitInterrupted)
	}
}

// The model is trained while its bucket is away, and stays away for longer than a stage tries. No checkpoint can be saved
// either, and the next start does what was lost again: nothing is wrong, and nothing is left behind.
func TestABucketThatIsAwayForTooLongIsTriedByTheNextStart(t *testing.T) {
	want := classified.undisturbedStage(t)
	server := s3.Start(t)
	server.Setenv(t)
	b := newBucket(t, classified, server.Bucket(t, "swath"), server.Environment())
	p, message := b.stage(t, "0s", "--store-time", "2s")
	if !p.when(t, "a checkpoint", func() bool { return b.step(t) > 0 }) {
		t.Fatalf("the training ended before its bucket was stopped:\n%s", p.output)
	}
	server.Stop()
	if code := p.exit(t); code != contract.ExitStorage {
		t.Errorf("it ended with %d, want %d:\n%s", code, contract.ExitStorage, p.output)
	}
	text, err := os.ReadFile(message)
	if err != nil || !strings.Contains(string(text), "storing the results") {
		t.Errorf("the message is %s (%v)", text, err)
	}
	server.Restart(t)
	p, message = b.stage(t, "1h")
	p.succeed(t)
	if !strings.Contains(p.output.String(), "resumed from a checkpoint") {
		t.Errorf("it began from the beginning:\n%s", p.output)
	}
	same(t, b.model(t, message), want)
}

func TestToldToStopWhileTheModelIsStoredAStageEndsAsInterrupted(t *testing.T) {
	want := classified.undisturbedStage(t)
	server := s3.Start(t)
	server.Setenv(t)
	b := newBucket(t, classified, server.Bucket(t, "swath"), server.Environment())
	p, _ := b.stage(t, "1h")
	if !p.when(t, "the first epoch", func() bool { return strings.Contains(p.output.String(), `"msg":"epoch"`) }) {
		t.Fatalf("the training ended before its bucket was stopped:\n%s", p.output)
	}
	server.Stop()
	if !p.when(t, "storing that is tried again", func() bool { return strings.Contains(p.output.String(), `"doing":"storing the model"`) }) {
		t.Fatalf("the training ended without its bucket:\n%s", p.output)
	}
	server.Restart(t)
	// Between two tries the bucket is there again: where training stands is saved, and the next start has but to store it.
	p.terminate(t)
	if code := p.exit(t); code != contract.ExitInterrupted && code != contract.ExitOK {
		t.Errorf("told to stop it ended with %d, want %d:\n%s", code, contract.ExitInterrupted, p.output)
	} else if code == contract.ExitInterrupted && b.step(t) == 0 {
		t.Error("there is no checkpoint")
	}
	p, message := b.stage(t, "1h")
	p.succeed(t)
	same(t, b.model(t, message), want)
}

// Credentials that come to their end in training stop it while little is lost, and once they are renewed the next start goes on.
func TestCredentialsThatEndInTrainingAreRenewedByTheNextStart(t *testing.T) {
	want := classified.undisturbedStage(t)
	server := s3.Start(t)
	server.AddUser(t, "tenant")
	server.AddUser(t, "other")
	server.Setenv(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "tenant")
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3.SecretOf("tenant"))
	b := newBucket(t, classified, server.BucketOf(t, "tenant", "swath"), nil)
	p, message := b.stage(t, "0s")
	if !p.when(t, "a checkpoint", func() bool { return b.step(t) > 0 }) {
		t.Fatalf("the training ended before its credentials did:\n%s", p.output)
	}
	server.GiveBucket(t, "swath", "other")
	if code := p.exit(t); code != contract.ExitDenied || contract.Final(int32(code)) {
		t.Errorf("it ended with %d, want %d, which is tried again:\n%s", code, contract.ExitDenied, p.output)
	}
	text, err := os.ReadFile(message)
	if err != nil || !strings.Contains(string(text), "its checkpoints cannot be stored") || !strings.Contains(string(text), "renew the credentials") {
		t.Errorf("the message is %s (%v)", text, err)
	}
	server.GiveBucket(t, "swath", "tenant")
	p, message = b.stage(t, "1h")
	p.succeed(t)
	if !strings.Contains(p.output.String(), "resumed from a checkpoint") {
		t.Errorf("it began from the beginning:\n%s", p.output)
	}
	same(t, b.model(t, message), want)
}
