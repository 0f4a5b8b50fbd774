package s3

import (
	"os/exec"
	"testing"
)

// AddUser makes a user that may nothing until it owns a bucket. Its secret is its name with "-secret" behind.
func (s *Server) AddUser(t testing.TB, name string) {
	t.Helper()
	s.admin(t, "create-user", "--access", name, "--secret", SecretOf(name), "--role", "user")
}

// SecretOf is the secret key of a user of [Server.AddUser].
func SecretOf(user string) string { return user + "-secret" }

// BucketOf makes a bucket that a user owns, and gives its URL.
func (s *Server) BucketOf(t testing.TB, user, name string) string {
	t.Helper()
	url := s.Bucket(t, name)
	s.GiveBucket(t, name, user)
	return url
}

// GiveBucket makes a bucket another user's: the one who had it is denied from then on.
func (s *Server) GiveBucket(t testing.TB, name, user string) {
	t.Helper()
	s.admin(t, "change-bucket-owner", "--bucket", name, "--owner", user)
}

func (s *Server) admin(t testing.TB, arguments ...string) {
	t.Helper()
	command := exec.Command(s.program, append([]string{"admin", "--access", AccessKey, "--secret", SecretKey, "--region", region, "--endpoint-url", "http://" + s.address}, arguments...)...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s of the S3 server: %v\n%s", arguments[0], err, output)
	}
}
