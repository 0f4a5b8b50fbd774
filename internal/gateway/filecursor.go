package gateway

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/swath-dev/swath/internal/storage"
)

// fileCursorPrefix tells cursors from the IDs of files.
const fileCursorPrefix = "after-"

// errNoFileCursor is the answer where a list of files cannot be continued.
var errNoFileCursor = &callError{
	status: http.StatusBadRequest,
	detail: "There is no file to continue after: use next of the page before, or begin the list again without after",
}

// fileCursor is the place in the list behind a file. It holds when the file is deleted, which its ID does not.
func fileCursor(id string) string {
	return fileCursorPrefix + base64.RawURLEncoding.EncodeToString([]byte(id))
}

// fileAfter is the ID that a list of files continues after: that of a cursor, or of a file that exists.
func fileAfter(ctx context.Context, store *storage.Store, after string) (string, error) {
	if after == "" {
		return "", nil
	}
	if id, ok := cursorID(after); ok {
		return id, nil
	}
	if storage.CheckName(after) != nil {
		return "", errNoFileCursor
	}
	exists, err := store.HasFile(ctx, after)
	if err == nil && !exists {
		err = errNoFileCursor
	}
	return after, err
}

// cursorID is the ID that a cursor stands behind.
func cursorID(cursor string) (string, bool) {
	encoded, ok := strings.CutPrefix(cursor, fileCursorPrefix)
	if !ok {
		return "", false
	}
	id, err := base64.RawURLEncoding.DecodeString(encoded)
	return string(id), err == nil && storage.CheckName(string(id)) == nil
}
