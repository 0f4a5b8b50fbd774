package gateway

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/storage"
)

const (
	filesPath       = "/files"
	filePath        = filesPath + "/{id}"
	fileContentPath = filePath + "/content"
	octetStream     = "application/octet-stream"
)

// File is what the documented API shows of a file.
type File struct {
	Filename  string `json:"filename" doc:"The name that the file had where it was uploaded from."`
	Bytes     int64  `json:"bytes" doc:"The size of the file in bytes."`
	ID        string `json:"id" doc:"The object identifier, which can be referenced in the API endpoints." example:"file-lw3zjxrg2k7q"`
	CreatedAt int64  `json:"created_at" doc:"The Unix timestamp (in seconds) for when the file was uploaded."`
}

func newFile(info storage.FileInfo) File {
	return File{Filename: info.Filename, Bytes: info.Bytes, ID: info.ID, CreatedAt: info.CreatedAt.Unix()}
}

// fileCalls are the calls on files.
func (s *Server) fileCalls() []call {
	tags := []string{"Files"}
	content := s.document(huma.Operation{
		Method: http.MethodGet, Path: fileContentPath, OperationID: "getFileContent", Tags: tags,
		Summary: "Download a file", Description: "Ranges can be asked for.", Parameters: idParam("file", exampleFile),
	}, nil, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable)
	content.Responses["200"] = contentAnswer("The file.", octetStream)
	content.Responses["206"] = contentAnswer("The part of the file that was asked for.", octetStream)
	return []call{
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodPost, Path: filesPath, OperationID: "uploadFile", Tags: tags,
				Summary:     "Upload a file",
				Description: "Stores the file that the multipart form has in the field file. It is there once the call has succeeded, and not before.",
				RequestBody: uploadBody(),
			}, File{}, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusInsufficientStorage, http.StatusRequestTimeout),
			right: access.Create, handle: s.uploadFile,
		},
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodGet, Path: filesPath, OperationID: "listFiles", Tags: tags,
				Summary: "List files", Description: "Lists the files of the namespace in the order of their IDs.",
				Parameters: pageParams("next of the page before, or the ID of its last file."),
			}, Page[File]{}, http.StatusUnprocessableEntity),
			right: access.List, timeout: callTimeout, handle: s.listFiles,
		},
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodGet, Path: filePath, OperationID: "getFile", Tags: tags,
				Summary: "Get a file's metadata", Parameters: idParam("file", exampleFile),
			}, File{}, http.StatusNotFound),
			right: access.Get, timeout: callTimeout, handle: s.getFile,
		},
		{Operation: content, right: access.Get, handle: s.getFileContent},
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodDelete, Path: filePath, OperationID: "deleteFile", Tags: tags,
				Summary: "Delete a file", Description: "Deletes the file and answers what it was.", Parameters: idParam("file", exampleFile),
			}, File{}, http.StatusNotFound),
			right: access.Delete, timeout: callTimeout, handle: s.deleteFile,
		},
	}
}

func uploadBody() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{
			Type:       huma.TypeObject,
			Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary", Description: "The file, with its name."}},
			Required:   []string{"file"},
			Extensions: map[string]any{"propertyNames": map[string]any{"pattern": fieldPattern}},
		}},
	}}
}

// file is the storage of the caller's namespace and what it knows of the file that the path names.
func (s *Server) file(r *request) (*storage.Store, storage.FileInfo, error) {
	id := r.PathValue("id")
	if storage.CheckName(id) != nil {
		return nil, storage.FileInfo{}, errFileNotFound
	}
	store, err := s.stores.Store(r.Context(), r.caller.Namespace)
	if err != nil {
		return nil, storage.FileInfo{}, err
	}
	info, err := store.FileInfo(r.Context(), id)
	return store, info, as(err, storage.ErrNotFound, errFileNotFound)
}

func (s *Server) getFile(w http.ResponseWriter, r *request) error {
	_, info, err := s.file(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newFile(info))
	return nil
}

func (s *Server) deleteFile(w http.ResponseWriter, r *request) error {
	store, info, err := s.file(r)
	if err != nil {
		return err
	}
	if err := store.DeleteFile(r.Context(), info.ID); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newFile(info))
	return nil
}

func (s *Server) listFiles(w http.ResponseWriter, r *request) error {
	store, err := s.stores.Store(r.Context(), r.caller.Namespace)
	if err != nil {
		return err
	}
	after, err := fileAfter(r.Context(), store, r.query.Get("after"))
	if err != nil {
		return err
	}
	files, more, err := store.Files(r.Context(), after, r.limit())
	if err != nil {
		return err
	}
	page := Page[File]{Data: make([]File, len(files)), HasMore: more}
	for i, info := range files {
		page.Data[i] = newFile(info)
	}
	if more {
		page.Next = orNil(fileCursor(files[len(files)-1].ID))
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

func (s *Server) getFileContent(w http.ResponseWriter, r *request) error {
	store, info, err := s.file(r)
	if err != nil {
		return err
	}
	err = s.send(w, r, content{
		name: info.Filename, contentType: octetStream, bytes: info.Bytes, sha256: info.SHA256, created: info.CreatedAt,
		open: func(offset, length int64) (readCloser, error) {
			return store.OpenFile(r.Context(), info.ID, offset, length)
		},
	})
	if errors.Is(err, storage.ErrNotFound) {
		return errFileNotFound
	}
	return err
}
