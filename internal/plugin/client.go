package plugin

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// namespaceHeader names the namespace to work in; it is the gateway's access.NamespaceHeader.
const namespaceHeader = "Swath-Namespace"

// gatewayClient speaks to the gateway.
type gatewayClient struct {
	address   string
	token     string
	namespace string
	http      *http.Client
	stop      func()
}

func (c *gatewayClient) close() { c.stop() }

// refusedError is an answer of the gateway that is no success.
type refusedError struct {
	status int
	detail string
}

func (e *refusedError) Error() string { return e.detail }

// call sends a request and gives the body of the answer, which the caller closes, and its size or -1.
func (c *gatewayClient) call(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.address+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking the gateway: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set(namespaceHeader, c.namespace)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		return nil, fmt.Errorf("asking the gateway: %w; name the file with the authority's certificate by --gateway-ca", err)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the gateway: %w", err)
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	defer response.Body.Close()
	return nil, c.refused(response)
}

// refused explains an answer.
func (c *gatewayClient) refused(response *http.Response) error {
	const most = 64 << 10
	data, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return fmt.Errorf("reading the gateway's answer: %w", err)
	}
	refused := &refusedError{status: response.StatusCode, detail: detailOf(data)}
	if refused.detail == "" {
		refused.detail = "the gateway answered " + response.Status
	}
	if response.StatusCode == http.StatusUnauthorized {
		refused.detail = "the gateway does not take the token, which must be valid and for its audience: " + refused.detail
	}
	if response.StatusCode == http.StatusForbidden {
		refused.detail += missingRightHint(c.namespace, refused.detail)
	}
	return refused
}

// detailOf is the text of an error's body.
func detailOf(data []byte) string {
	var message struct {
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(data, &message) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(message.Detail, &text) == nil {
		return text
	}
	var problems []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	if json.Unmarshal(message.Detail, &problems) != nil {
		return ""
	}
	texts := make([]string, len(problems))
	for i, problem := range problems {
		texts[i] = strings.ReplaceAll(strings.Trim(fmt.Sprint(problem.Loc), "[]"), " ", ".") + ": " + problem.Msg
	}
	return strings.Join(texts, "; ")
}

// callJSON sends a value, if there is one, and reads the answer.
func callJSON[T any](ctx context.Context, c *gatewayClient, method, path string, body any) (T, error) {
	var answer T
	var reader io.Reader
	contentType := ""
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return answer, fmt.Errorf("encoding the request: %w", err)
		}
		reader, contentType = bytes.NewReader(data), "application/json"
	}
	response, err := c.call(ctx, method, path, contentType, reader)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return answer, nil
}

// uploadedFile is what the gateway says of a file.
type uploadedFile struct {
	ID       string `json:"id"`
	Filename string `json:"filename"`
	Bytes    int64  `json:"bytes"`
	// CreatedAt is when it was uploaded, in Unix seconds.
	CreatedAt int64 `json:"created_at"`
}

// upload streams a file to the gateway.
func (c *gatewayClient) upload(ctx context.Context, filename string, file io.Reader) (uploadedFile, error) {
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		part, err := form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {multipart.FileContentDisposition("file", filename)},
			"Content-Type":        {"application/octet-stream"},
		})
		if err == nil {
			_, err = io.Copy(part, file)
		}
		if err == nil {
			err = form.Close()
		}
		_ = writer.CloseWithError(err) // Never fails; nil ends the form.
	}()
	response, err := c.call(ctx, http.MethodPost, "/files", form.FormDataContentType(), reader)
	_ = reader.CloseWithError(errors.New("the gateway has answered"))
	var uploaded uploadedFile
	if err != nil {
		return uploaded, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&uploaded); err != nil {
		return uploaded, fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return uploaded, nil
}

// path joins elements to a path, each escaped.
func path(elements ...string) string {
	joined := ""
	for _, element := range elements {
		joined += "/" + url.PathEscape(element)
	}
	return joined
}
