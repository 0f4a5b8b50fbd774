package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
)

// Files that exceed the limits of the Pod had it evicted four times. They are not fetched at all, and not tried again.
func TestFilesLargerThanTheWorkDirectoryAreNotFetched(t *testing.T) {
	for name, test := range map[string]struct {
		variable string
		stage    contract.Stage
		want     []string
	}{
		"the emptyDir's limit while preparing": {contract.EnvWorkDirSize, contract.StageDownload, []string{"file file-train has ", " and file file-validation has ", "sizeLimit of its emptyDir", "raise prepare.workDirSize"}},
		"the emptyDir's limit in training":     {contract.EnvWorkDirSize, contract.StageTrain, []string{"raise train.workDirSize"}},
		"ephemeral storage while preparing":    {contract.EnvEphemeralStorageLimit, contract.StageDownload, []string{"limit of ephemeral-storage is 293 KiB", "prepare.resources.limits"}},
		"ephemeral storage in training":        {contract.EnvEphemeralStorageLimit, contract.StageTrain, []string{"raise ephemeral-storage in spec.pod.resources.limits"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t)
			t.Setenv(test.variable, "300000")
			code, m := p.stage(t, test.stage, bothFiles...)
			if code != contract.ExitTooLarge || !contract.Final(int32(code)) {
				t.Errorf("it ended with %d: %s", code, m.Error)
			}
			for _, want := range test.want {
				if !strings.Contains(m.Error, want) {
					t.Errorf("%q does not say %q", m.Error, want)
				}
			}
			if entries, err := os.ReadDir(p.work); err != nil || len(entries) > 0 {
				t.Errorf("the work directory has %v (%v)", entries, err)
			}
		})
	}
}

func TestFilesThatFitAreFetched(t *testing.T) {
	p := newPod(t)
	t.Setenv(contract.EnvWorkDirSize, "500000")
	t.Setenv(contract.EnvEphemeralStorageLimit, "20000000")
	if code, m := p.stage(t, contract.StageDownload, bothFiles...); code != contract.ExitOK {
		t.Errorf("it ended with %d: %s", code, m.Error)
	}
	t.Setenv(contract.EnvWorkDirSize, "much")
	if code, m := p.stage(t, contract.StageDownload, bothFiles...); code != contract.ExitUsage || !strings.Contains(m.Error, `SWATH_WORK_DIR_SIZE is "much"`) {
		t.Errorf("it ended with %d: %s", code, m.Error)
	}
}

// Limits are the same on all nodes, and disks are not: another node's may hold the files.
func TestADiskWithoutRoomIsTriedAgainAndALimitIsNot(t *testing.T) {
	const gib = 1 << 30
	for name, test := range map[string]struct {
		room room
		code int
		want string
	}{
		"no limit":     {room{total: 20 * gib, free: 11 * gib}, contract.ExitOK, ""},
		"a small disk": {room{total: 9 * gib, free: 9 * gib}, contract.ExitDiskFull, "no room left: the files have 10 GiB, but the disk that has the work directory takes 9.0 GiB; use smaller files, or ask the platform team for nodes with larger disks"},
		"a full disk":  {room{total: 20 * gib, free: 9 * gib}, contract.ExitDiskFull, "has only 9.0 GiB free"},
		"limits first": {room{workDir: 5 * gib, total: 20 * gib, free: 9 * gib}, contract.ExitTooLarge, "at most 5.0 GiB"},
	} {
		err := test.room.check(contract.StageTrain, "the files have 10 GiB", 10*gib)
		if err == nil && test.code == contract.ExitOK {
			continue
		}
		if err == nil || exitCode(err) != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if full := errors.Is(err, storage.ErrFull); full == contract.Final(int32(test.code)) {
			t.Errorf("%s: full is %t", name, full)
		}
	}
}

// People know the names of their files, and not the IDs that these got.
func TestErrorsNameTheFilesThatWereUploaded(t *testing.T) {
	p := newPod(t)
	p.upload(t, "file-broken", testdata+"hdf5/r_nan_pixel.h5")
	for name, test := range map[string]struct {
		stage contract.Stage
		args  []string
		want  string
	}{
		"a broken file":   {contract.StageTrain, []string{"--training-file", "file-broken"}, `file-broken is "r_nan_pixel.h5"`},
		"a changed file":  {contract.StageTrain, append(bothFiles, "--validation-digest", strings.Repeat("0", 64)), `file-validation is "landcover-classification-validation.h5"`},
		"a file too many": {contract.StageDownload, []string{"--training-file", "file-none"}, `file file-none is not in storage`},
	} {
		_, m := p.stage(t, test.stage, test.args...)
		if !strings.Contains(m.Error, test.want) || strings.Contains(m.Error, `file-none is "`) || strings.Contains(m.Error, "file-train is") {
			t.Errorf("%s: %q", name, m.Error)
		}
	}
}

func TestIDsAreMentionedAsAWhole(t *testing.T) {
	for text, want := range map[string]bool{
		"file-a: sample 4": true, "file file-a has changed": true, "see file-a.": true, "file-ab: sample 4": false, "my-file-a": false, "x.file-a": false, "": false,
	} {
		if mentions(text, "file-a") != want {
			t.Errorf("%q mentions it: %t", text, !want)
		}
	}
}
