package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/swath-dev/swath/internal/storage"
)

const (
	// namingTime is for how long storage is asked for the names of files, once something has failed.
	namingTime = 5 * time.Second
	// maxShownName is how many characters of a name are shown.
	maxShownName = 80
)

// nameFiles adds to a sentence the names with which the files in it were uploaded: people know those, and not the IDs. Where
// storage does not answer the sentence stays as it is.
func (o *stageOptions) nameFiles(ctx context.Context, text string) string {
	var mentioned []string
	for _, id := range []string{o.TrainingFile, o.ValidationFile} {
		if id != "" && mentions(text, id) {
			mentioned = append(mentioned, id)
		}
	}
	if len(mentioned) == 0 || ctx.Err() != nil {
		return text
	}
	ctx, cancel := context.WithTimeout(ctx, namingTime)
	defer cancel()
	store, err := openStorage(ctx)
	if err != nil {
		return text
	}
	defer store.Close()
	var named []string
	for _, id := range mentioned {
		if info, err := store.FileInfo(ctx, id); err == nil && info.Filename != id {
			named = append(named, fmt.Sprintf("%s is %s", id, shownName(info)))
		}
	}
	if len(named) == 0 {
		return text
	}
	return text + " (" + strings.Join(named, ", ") + ")"
}

// mentions reports whether a text has the ID as a whole.
func mentions(text, id string) bool {
	return regexp.MustCompile(`(^|[^A-Za-z0-9_.-])` + regexp.QuoteMeta(id) + `([^A-Za-z0-9_-]|$)`).MatchString(text)
}

// shownName is a file's name in quotes, without characters that a terminal would obey.
func shownName(info storage.FileInfo) string {
	name := []rune(info.Filename)
	if len(name) > maxShownName {
		name = append(name[:maxShownName-1], '…')
	}
	return fmt.Sprintf("%q", string(name))
}
