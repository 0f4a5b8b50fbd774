// Package s3 starts a real S3 server (Versity's gateway on a local folder) for tests.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/swath-dev/swath/test/programs"
)

const (
	region = "us-east-1"
	// startTimeout is how long the server may take until it answers.
	startTimeout = 30 * time.Second
	healthPath   = "/swath-test-health"
)

// The credentials of the server.
const (
	AccessKey = "swath-test"
	SecretKey = "swath-test-secret"
)

// Server is an S3 server that can be stopped and started again. It keeps its address and its buckets meanwhile.
type Server struct {
	address string
	folder  string
	program string
	process *exec.Cmd
	exited  chan struct{}
}

// Start starts a server on a free port of the loopback interface, with its buckets in a folder of the test. It is stopped
// when the test ends. The first call on a machine builds the server, which takes about a minute.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartIn(t, t.TempDir())
}

// StartIn is Start with the buckets in folder: a small file system makes a full bucket.
func StartIn(t testing.TB, folder string) *Server {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatalf("building the S3 server: %v", err)
	}
	s := &Server{address: programs.FreeAddress(t), folder: folder, program: program}
	for _, name := range []string{"buckets", "metadata", "users"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatalf("making the folders of the S3 server: %v", err)
		}
	}
	t.Cleanup(s.Stop)
	s.Restart(t)
	return s
}

// Stop kills the server, as a crash would.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	<-s.exited
	s.process = nil
}

// Restart starts the server after Stop and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.folder, "server.log"))
	if err != nil {
		t.Fatalf("making the log of the S3 server: %v", err)
	}
	defer log.Close()
	command := exec.Command(s.program, "--port", s.address, "--region", region, "--health", healthPath, "--quiet", "--iam-dir", filepath.Join(s.folder, "users"),
		"posix", "--sidecar", filepath.Join(s.folder, "metadata"), filepath.Join(s.folder, "buckets"))
	command.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+AccessKey, "ROOT_SECRET_ACCESS_KEY="+SecretKey)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatalf("starting the S3 server: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	s.process, s.exited = command, exited
	if err := s.waitUntilHealthy(); err != nil {
		output, _ := os.ReadFile(log.Name())
		t.Fatalf("starting the S3 server: %v\n%s", err, output)
	}
}

func (s *Server) waitUntilHealthy() error {
	deadline := time.After(startTimeout)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		response, err := http.Get("http://" + s.address + healthPath)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it ended at once")
		case <-deadline:
			return fmt.Errorf("it does not answer at %s within %s", s.address, startTimeout)
		case <-look.C:
		}
	}
}

// Bucket makes a bucket and gives its URL for gocloud.dev/blob. The credentials are those of [Server.Environment].
func (s *Server) Bucket(t testing.TB, name string) string {
	t.Helper()
	client := s3.New(s3.Options{
		Region:       region,
		BaseEndpoint: aws.String("http://" + s.address),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Fatalf("making bucket %s: %v", name, err)
	}
	return s.BucketURL(name)
}

// BucketURL is the URL of a bucket, whether there is one or not.
func (s *Server) BucketURL(name string) string {
	query := url.Values{"region": {region}, "endpoint": {"http://" + s.address}, "use_path_style": {"true"}}
	return "s3://" + name + "?" + query.Encode()
}

// Address is the host and port that the server listens at.
func (s *Server) Address() string { return s.address }

// Environment is what a process needs in its environment to use the server.
func (s *Server) Environment() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey}
}

// Setenv puts the server's credentials into the environment of the test.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
}
