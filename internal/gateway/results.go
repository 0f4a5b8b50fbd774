package gateway

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/internal/storage"
)

const (
	// maxResults is the largest results file that is given as rows, in bytes; as it is, it is given whatever its size.
	maxResults = 64 << 20
	// maxResultsLine is the longest line of it.
	maxResultsLine = 64 << 10
)

// Results are the metrics of each epoch.
type Results struct {
	Data     []map[string]any `json:"data" nullable:"false" doc:"A row for each epoch: numbers by the names of the columns, null where there is none."`
	Warnings []string         `json:"warnings" nullable:"false" doc:"What to know about the files and the model though nothing failed."`
}

// errNoResults is the answer for a job that has not written its results yet.
var errNoResults = &callError{status: http.StatusNotFound, detail: "The training job has no results yet"}

func (s *Server) getResults(w http.ResponseWriter, r *request) error {
	job, err := s.jobs.Get(r.Context(), r.caller.Namespace, r.PathValue("id"))
	if err != nil {
		return err
	}
	if job.Status.ResultsFile == "" {
		return errNoResults
	}
	store, err := s.stores.Store(r.Context(), r.caller.Namespace)
	if err != nil {
		return err
	}
	info, err := store.FileInfo(r.Context(), job.Status.ResultsFile)
	if err != nil {
		return as(err, storage.ErrNotFound, errNoResults)
	}
	open := func(offset, length int64) (readCloser, error) {
		return store.OpenFile(r.Context(), info.ID, offset, length)
	}
	if r.query.Get("format") == "csv" {
		return s.send(w, r, content{name: info.Filename, contentType: "text/csv", bytes: info.Bytes, sha256: info.SHA256, created: info.CreatedAt, open: open})
	}
	release, err := s.uploads.take(r.caller.Namespace)
	if err != nil {
		return err
	}
	defer release()
	if info.Bytes > maxResults {
		return &callError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("The results have %d bytes, which is more than can be given as JSON: ask for them with format=csv", info.Bytes)}
	}
	reader, err := open(0, -1)
	if err != nil {
		return as(err, storage.ErrNotFound, errNoResults)
	}
	defer reader.Close()
	return s.sendRows(w, r, reader, job)
}

// sendRows answers with the rows of a table as they are read, to a receiver that has to keep up the pace.
func (s *Server) sendRows(w http.ResponseWriter, r *request, table io.Reader, job *v1alpha1.TrainingJob) error {
	warnings, err := json.Marshal(warningsOf(job))
	if err != nil {
		return fmt.Errorf("encoding the warnings of job %s: %w", jobs.ID(job), err)
	}
	rows := newRows(table)
	row, err := rows.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(fmt.Errorf("reading the results of job %s: %w", jobs.ID(job), err), storage.ErrUnavailable)
	}
	w.Header().Set("Content-Type", jsonType)
	answer := bufio.NewWriterSize(s.paced(w), answerBuffer)
	_, _ = answer.WriteString(`{"data":[`) // The writer keeps its first error.
	for separator := ""; err == nil; separator = "," {
		_, _ = answer.WriteString(separator)
		var data []byte
		if data, err = json.Marshal(row); err == nil {
			_, err = answer.Write(data)
		}
		if err == nil {
			row, err = rows.next()
		}
	}
	if errors.Is(err, io.EOF) {
		_, _ = fmt.Fprintf(answer, "],\"warnings\":%s}\n", warnings)
		err = answer.Flush()
	}
	if err != nil {
		r.log.Warn("sending results was cut off", "error", err)
		panic(http.ErrAbortHandler) // Nobody is to take what came for the whole.
	}
	return nil
}

// rows reads a table in CSV whose lines are not long, and whose first has the names of the columns.
type rows struct {
	lines   *bufio.Scanner
	columns []string
}

func newRows(table io.Reader) *rows {
	lines := bufio.NewScanner(table)
	lines.Buffer(nil, maxResultsLine)
	return &rows{lines: lines}
}

// next is the next row below the first; io.EOF is the end.
func (r *rows) next() (map[string]any, error) {
	if r.columns == nil {
		columns, err := r.line()
		if err != nil {
			return nil, err
		}
		r.columns = columns
	}
	cells, err := r.line()
	if err != nil {
		return nil, err
	}
	if len(cells) != len(r.columns) {
		return nil, fmt.Errorf("a line has %d columns and the first %d", len(cells), len(r.columns))
	}
	row := make(map[string]any, len(cells))
	for i, text := range cells {
		row[r.columns[i]] = cell(r.columns[i], text)
	}
	return row, nil
}

// line is the next line that is not empty.
func (r *rows) line() ([]string, error) {
	for r.lines.Scan() {
		if line := r.lines.Bytes(); len(line) > 0 {
			return csv.NewReader(bytes.NewReader(line)).Read()
		}
	}
	if err := r.lines.Err(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// weightsColumn has a hash in hexadecimal, which may look like a number.
const weightsColumn = "weights"

// cell is a number where the text is one, and nil where it is empty.
func cell(column, text string) any {
	if text == "" {
		return nil
	}
	if column == weightsColumn {
		return text
	}
	if value, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, "xXnN_") {
		return value
	}
	return text
}
