package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/await"
	"github.com/swath-dev/swath/test/s3"
	"github.com/swath-dev/swath/test/volume"
)

func TestStorageThatStopsIsUnavailableUntilItIsBack(t *testing.T) {
	server := startS3(t)
	store := open(t, server.Bucket(t, "swath"))
	if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	if _, err := store.FileInfo(ctx, "file-a"); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("asking a server that is down: %v", err)
	}
	if _, err := store.PutFile(ctx, "file-b", "b.h5", strings.NewReader("b"), noon); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("putting a file to a server that is down: %v", err)
	}
	server.Restart(t)
	if _, err := store.FileInfo(t.Context(), "file-a"); err != nil {
		t.Errorf("asking the server that is back: %v", err)
	}
}

func TestWhatIsWrongWithABucketIsTold(t *testing.T) {
	server := startS3(t)
	url := server.Bucket(t, "swath")
	t.Run("no such bucket", func(t *testing.T) {
		store := open(t, server.BucketURL("missing"))
		if _, err := store.FileInfo(t.Context(), "file-a"); !errors.Is(err, storage.ErrConfiguration) {
			t.Errorf("asking for a file: %v", err)
		}
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); !errors.Is(err, storage.ErrConfiguration) {
			t.Errorf("putting a file: %v", err)
		}
	})
	for name, key := range map[string]string{"unknown key": "nobody", "wrong secret": s3.AccessKey} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", key)
			t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
			store := open(t, url)
			if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("putting a file: %v", err)
			}
			if _, _, err := store.Files(t.Context(), "", 1); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("listing files: %v", err)
			}
		})
	}
}

func TestFullBucketIsTold(t *testing.T) {
	tooMuch := func() io.Reader { return io.LimitReader(zeros{}, 32<<20) }
	t.Run("file", func(t *testing.T) {
		folder := volume.Small(t, 8)
		store := open(t, "file://"+folder)
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", tooMuch(), noon); !errors.Is(err, storage.ErrFull) {
			t.Errorf("putting more than there is room for: %v", err)
		}
		if left := filesBelow(t, filepath.Join(folder, prefix)); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("s3", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the S3 server takes a minute to build the first time")
		}
		server := s3.StartIn(t, volume.Small(t, 8))
		server.Setenv(t)
		store := open(t, server.Bucket(t, "swath"))
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", tooMuch(), noon); !errors.Is(err, storage.ErrFull) {
			t.Errorf("putting more than there is room for: %v", err)
		}
		if files, _, err := store.Files(t.Context(), "", 1); len(files) != 0 || err != nil {
			t.Errorf("left: %v (%v)", files, err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// What a service of buckets answers to credentials that have come to their end, or do not allow a call.
func TestWhatServicesAnswerIsTold(t *testing.T) {
	azure := func(w http.ResponseWriter, status int, code string) {
		w.Header().Set("x-ms-error-code", code)
		w.WriteHeader(status)
	}
	amazon := func(w http.ResponseWriter, status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	}
	google := func(w http.ResponseWriter, status int, code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error": {"code": %d, "message": "%s"}}`, status, code)
	}
	var answer func(http.ResponseWriter)
	// One server for all: the client of Azure reads its environment once in a process.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "STORAGE_EMULATOR_HOST": host, "AZURE_STORAGE_ACCOUNT": "account",
		"AZURE_STORAGE_SAS_TOKEN": "sig=x", "AZURE_STORAGE_DOMAIN": host, "AZURE_STORAGE_PROTOCOL": "http", "AZURE_STORAGE_IS_LOCAL_EMULATOR": "true",
	} {
		t.Setenv(name, value)
	}
	s3 := "s3://swath?region=r&use_path_style=true&endpoint=" + server.URL
	for name, c := range map[string]struct {
		url    string
		answer func(http.ResponseWriter, int, string)
		status int
		code   string
	}{
		"S3, a token at its end":         {s3, amazon, 400, "ExpiredToken"},
		"S3, a policy":                   {s3, amazon, 403, "AccessDenied"},
		"Azure, a SAS at its end":        {"azblob://swath", azure, 403, "AuthenticationFailed"},
		"Azure, a SAS for another place": {"azblob://swath", azure, 403, "AuthorizationPermissionMismatch"},
		"Azure, no token":                {"azblob://swath", azure, 401, "NoAuthenticationInformation"},
		"Google, a token at its end":     {"gs://swath?anonymous=true", google, 401, "Invalid Credentials"},
		"Google, a policy":               {"gs://swath?anonymous=true", google, 403, "denied on resource (or it may not exist)"},
	} {
		t.Run(name, func(t *testing.T) {
			answer = func(w http.ResponseWriter) { c.answer(w, c.status, c.code) }
			if _, err := open(t, c.url).ModelManifest(t.Context(), "model-a"); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("reading: %v", err)
			}
		})
	}
}
