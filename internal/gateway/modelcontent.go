package gateway

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/storage"
)

const (
	modelContentPath = modelPath + "/content"
	zipType          = "application/zip"
)

// partTypes are the content types of a model's parts, by the endings of their names.
var partTypes = map[string]string{
	".json": jsonType, ".csv": "text/csv", ".md": "text/markdown", ".html": "text/html", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain", ".log": "text/plain",
}

func (s *Server) modelContentCall() call {
	operation := s.document(huma.Operation{
		Method: http.MethodGet, Path: modelContentPath, OperationID: "getModelContent", Tags: []string{"Models"},
		Summary: "Download a model", Description: "All parts of the model as a ZIP archive, or one of them.",
		Parameters: append(idParam("model", exampleModel), &huma.Param{
			Name: "part", In: inQuery, Description: "The name of the only part to download, such as model.onnx, model.json or report.html.",
			Schema: nameSchema(""),
		}),
	}, nil, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable)
	types := []string{zipType, octetStream}
	for _, name := range partTypes {
		if name != jsonType {
			types = append(types, name)
		}
	}
	operation.Responses["200"] = contentAnswer("The model, or the part of it.", types...)
	operation.Responses["200"].Content[jsonType] = &huma.MediaType{Schema: &huma.Schema{}}
	operation.Responses["206"] = contentAnswer("The range of the part that was asked for.", types...)
	return call{Operation: operation, right: access.Get, handle: s.getModelContent}
}

func (s *Server) getModelContent(w http.ResponseWriter, r *request) error {
	store, model, err := s.model(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	parts, err := store.ModelParts(r.Context(), model.ID)
	if err != nil {
		return err
	}
	checked, err := s.checked(r.Context(), store, model, parts)
	if err != nil {
		return err
	}
	if name := r.query.Get("part"); name != "" {
		return checked.sendPart(w, r, model, name)
	}
	return checked.sendArchive(w, r, model)
}

// sendPart sends one part of a model, once it is known to be the right one.
func (c *checkedModel) sendPart(w http.ResponseWriter, r *request, model Model, name string) error {
	at := slices.IndexFunc(c.parts, func(part storage.Object) bool { return part.Key == name })
	if at < 0 {
		return &callError{status: http.StatusNotFound, detail: "Model has no such part"}
	}
	if err := c.check(r.Context(), c.parts[at]); err != nil {
		return err
	}
	contentType := partTypes[path.Ext(name)]
	if contentType == "" {
		contentType = octetStream
	}
	return c.send(w, r, content{
		name: name, contentType: contentType, bytes: c.parts[at].Bytes, sha256: c.sha256(name), created: time.Unix(model.CreatedAt, 0),
		open: func(offset, length int64) (readCloser, error) {
			return c.store.OpenModelPartRange(r.Context(), model.ID, name, offset, length)
		},
	})
}

// sendArchive sends all parts as a ZIP archive, once they are known to be the right ones. The parts are stored as they are:
// weights hardly get smaller.
func (c *checkedModel) sendArchive(w http.ResponseWriter, r *request, model Model) error {
	release, err := c.uploads.take(r.caller.Namespace)
	if err != nil {
		return err
	}
	defer release()
	for _, part := range c.parts {
		if err := c.check(r.Context(), part); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", zipType)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": model.ID + ".zip"}))
	if r.Method == http.MethodHead {
		return nil
	}
	if err := c.writeArchive(r.Context(), w, model); err != nil {
		r.log.Warn("sending was cut off", "error", err)
		panic(http.ErrAbortHandler) // Nobody is to take what came for the whole.
	}
	return nil
}

func (c *checkedModel) writeArchive(ctx context.Context, w http.ResponseWriter, model Model) error {
	archive := zip.NewWriter(c.paced(w))
	for _, part := range c.parts {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: part.Key, Method: zip.Store, Modified: time.Unix(model.CreatedAt, 0).UTC()})
		if err != nil {
			return fmt.Errorf("adding %s to the archive: %w", part.Key, err)
		}
		reader, err := c.store.OpenModelPart(ctx, model.ID, part.Key)
		if err != nil {
			return err
		}
		_, err = io.Copy(entry, reader)
		_ = reader.Close()
		if err != nil {
			return fmt.Errorf("adding %s to the archive: %w", part.Key, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("ending the archive: %w", err)
	}
	return nil
}
