package storage_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/await"
)

const secret = "the gateway's token"

// hostile are ways in which a tenant may have a key of its volume lead elsewhere.
var hostile = map[string]func(t *testing.T, path, elsewhere string){
	"a link to a file": func(t *testing.T, path, elsewhere string) { link(t, filepath.Join(elsewhere, "token"), path) },
	"a link by a detour": func(t *testing.T, path, elsewhere string) {
		link(t, "../../../"+filepath.Base(elsewhere)+"/token", path)
	},
	"a link to a folder": func(t *testing.T, path, elsewhere string) { link(t, elsewhere, path) },
	"a link to nothing":  func(t *testing.T, path, elsewhere string) { link(t, filepath.Join(elsewhere, "nothing"), path) },
	"a link to a sibling": func(t *testing.T, path, _ string) {
		hidden := ".of-" + filepath.Base(path)
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), hidden), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		link(t, hidden, path)
	},
	"a FIFO": func(t *testing.T, path, _ string) {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	},
	"a folder": func(t *testing.T, path, _ string) {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	},
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// volumeOf gives a store on a volume, the folder of its namespace, and a folder elsewhere that has a secret in the file token.
func volumeOf(t *testing.T) (store *storage.Store, folder, elsewhere string) {
	t.Helper()
	root := t.TempDir()
	folder, elsewhere = filepath.Join(root, "volume", prefix), filepath.Join(root, "elsewhere")
	for _, name := range []string{"files", "notes", "models/model-a", "jobs/trainingjob-a"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "token"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, "file://"+filepath.Join(root, "volume")), folder, elsewhere
}

// atOnce runs what must not wait for anybody.
func atOnce(t *testing.T, what string, run func(context.Context)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(t.Context())
	}()
	select {
	case <-done:
	case <-time.After(await.Patience):
		t.Fatalf("%s waits", what)
	}
}

func TestOnlyRegularFilesOfAVolumeAreThere(t *testing.T) {
	for name, make := range hostile {
		t.Run(name, func(t *testing.T) {
			store, folder, elsewhere := volumeOf(t)
			for _, key := range []string{"files/evil", "notes/good.json", "models/model-a/model.json", "models/model-a/model.onnx", "jobs/trainingjob-a/checkpoint", "janitor.json"} {
				make(t, filepath.Join(folder, key), elsewhere)
			}
			if err := os.WriteFile(filepath.Join(folder, "files", "good"), []byte("chips"), 0o600); err != nil {
				t.Fatal(err)
			}
			atOnce(t, "reading", func(ctx context.Context) {
				for what, err := range reads(ctx, store, filepath.Join(t.TempDir(), "fetched")) {
					if !errors.Is(err, storage.ErrNotFound) {
						t.Errorf("%s: %v", what, err)
					}
				}
				files, _, err := store.Files(ctx, "", 10)
				if err != nil || len(files) != 1 || files[0].Filename != "good" {
					t.Errorf("listed: %+v (%v)", files, err)
				}
				if marks, err := store.JanitorMarks(ctx); marks != nil || err != nil {
					t.Errorf("the janitor's marks: %q (%v)", marks, err)
				}
				if err := errors.Join(store.DeleteFile(ctx, "evil"), store.DeleteModel(ctx, "model-a"), store.DeleteJob(ctx, "trainingjob-a")); err != nil {
					t.Errorf("deleting: %v", err)
				}
			})
			if data, err := os.ReadFile(filepath.Join(elsewhere, "token")); string(data) != secret {
				t.Errorf("the file elsewhere is %q (%v)", data, err)
			}
		})
	}
}

// reads are the ways to read what has a hostile file in its place.
func reads(ctx context.Context, store *storage.Store, path string) map[string]error {
	errs := map[string]error{}
	note := func(what string, reader io.Closer, err error) {
		if err == nil {
			_ = reader.Close()
		}
		errs[what] = err
	}
	_, errs["describing the file"] = store.FileInfo(ctx, "evil")
	_, errs["fetching the file"] = store.FetchFile(ctx, "evil", path)
	reader, err := store.OpenFile(ctx, "evil", 0, -1)
	note("opening the file", reader, err)
	_, errs["the manifest"] = store.ModelManifest(ctx, "model-a")
	_, errs["describing the model"] = store.ModelInfo(ctx, "model-a")
	reader, err = store.OpenModelPart(ctx, "model-a", "model.onnx")
	note("a part", reader, err)
	reader, err = store.OpenJobObject(ctx, "trainingjob-a", "checkpoint")
	note("a checkpoint", reader, err)
	return errs
}

func TestFoldersThatAreLinksAreNotThereAndNotWrittenTo(t *testing.T) {
	for name, replaced := range map[string]string{"files": "files", "the namespace": "."} {
		t.Run(name, func(t *testing.T) {
			store, folder, elsewhere := volumeOf(t)
			other := filepath.Join(elsewhere, "files")
			if err := os.Mkdir(other, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(other, "file-other"), []byte(secret), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(folder, replaced)); err != nil {
				t.Fatal(err)
			}
			link(t, filepath.Join(elsewhere, replaced), filepath.Join(folder, replaced))
			if _, err := store.FileInfo(t.Context(), "file-other"); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("another's file: %v", err)
			}
			if files, _, err := store.Files(t.Context(), "", 10); len(files) != 0 || err != nil {
				t.Errorf("another's files are listed: %v (%v)", files, err)
			}
			if _, err := store.PutFile(t.Context(), "file-new", "new.h5", strings.NewReader("chips"), noon); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("writing: %v", err)
			}
			if err := store.DeleteFile(t.Context(), "file-other"); err != nil {
				t.Errorf("deleting: %v", err)
			}
			if left := filesBelow(t, elsewhere); len(left) != 2 {
				t.Errorf("elsewhere there is now: %v", left)
			}
		})
	}
}

// What is looked at and what is opened are the same, however fast a tenant changes one for the other.
func TestFileThatIsExchangedMeanwhileGivesNothingElse(t *testing.T) {
	store, folder, elsewhere := volumeOf(t)
	path := filepath.Join(folder, "files", "file-a")
	beside := filepath.Join(folder, "files", "beside")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for round := 0; ; round++ {
			select {
			case <-stop:
				return
			default:
			}
			switch round % 3 {
			case 0:
				_ = os.WriteFile(beside, []byte("chips"), 0o600)
			case 1:
				_ = os.Symlink(filepath.Join(elsewhere, "token"), beside)
			case 2:
				_ = syscall.Mkfifo(beside, 0o600)
			}
			_ = os.Rename(beside, path)
		}
	}()
	deadline := time.Now().Add(2 * time.Second)
	atOnce(t, "reading", func(ctx context.Context) {
		for time.Now().Before(deadline) {
			reader, err := store.OpenFile(ctx, "file-a", 0, -1)
			if err != nil {
				continue
			}
			data, err := io.ReadAll(reader)
			_ = reader.Close()
			if string(data) != "chips" && string(data) != "" || err != nil {
				t.Errorf("read %q (%v)", data, err)
			}
		}
	})
	close(stop)
	<-stopped
}

func TestVolumeThatIsNotMountedIsAWrongConfiguration(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := storage.Open(t.Context(), "file://"+missing, prefix); !errors.Is(err, storage.ErrConfiguration) || errors.Is(err, storage.ErrNotFound) {
		t.Errorf("opening: %v", err)
	}
	if err := os.Mkdir(missing, 0o755); err != nil {
		t.Fatal(err)
	}
	store := open(t, "file://"+missing)
	if err := os.Remove(missing); err != nil {
		t.Fatal(err)
	}
	if _, err := store.FileInfo(t.Context(), "file-a"); !errors.Is(err, storage.ErrConfiguration) {
		t.Errorf("reading after it was unmounted: %v", err)
	}
	if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); !errors.Is(err, storage.ErrConfiguration) {
		t.Errorf("writing after it was unmounted: %v", err)
	}
}
