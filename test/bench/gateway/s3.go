//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/swath-dev/swath/test/s3"
)

// s3Server is the S3 server of the tests, outside of a test.
type s3Server struct {
	server *s3.Server
	url    string
}

func startS3(folder string) (started *s3Server, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	t := &notATest{}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("starting the S3 server: %w", errors.Join(t.err, fmt.Errorf("%v", cause)))
		}
	}()
	server := s3.StartIn(t, folder)
	return &s3Server{server: server, url: server.Bucket(t, "bench")}, nil
}

func (s *s3Server) stop()                 { s.server.Stop() }
func (s *s3Server) environment() []string { return s.server.Environment() }

// notATest lets helpers of tests be used: what would fail a test panics, and startS3 makes an error of it.
type notATest struct {
	testing.TB
	err error
}

func (t *notATest) Helper()        {}
func (t *notATest) Cleanup(func()) {} // Stop is called in any case.
func (t *notATest) Fatalf(format string, args ...any) {
	t.err = fmt.Errorf(format, args...)
	panic(t.err)
}
