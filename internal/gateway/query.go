package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

// Where a parameter stands, in the words of OpenAPI.
const (
	inQuery  = "query"
	inHeader = "header"
	inPath   = "path"
)

// readQuery reads a query and checks it against the declared parameters: the description and the API cannot differ. A parameter
// that comes twice is refused, since one of its values would be dropped.
func readQuery(raw string, declared []*huma.Param) (url.Values, error) {
	given, err := url.ParseQuery(raw)
	if err != nil {
		return nil, validation.Value("the query is malformed: "+err.Error(), inQuery)
	}
	for _, param := range declared {
		if param.In != inQuery || given[param.Name] == nil {
			continue
		}
		if err := checkParam(param, given[param.Name]); err != nil {
			return nil, err
		}
	}
	return given, nil
}

// checkParam checks the values of one parameter of the query.
func checkParam(param *huma.Param, values []string) error {
	if len(values) > 1 {
		return validation.Value("the parameter comes "+strconv.Itoa(len(values))+" times: give it once", inQuery, param.Name)
	}
	var value any = values[0]
	if param.Schema.Type == huma.TypeInteger {
		number, err := strconv.Atoi(values[0])
		if err != nil {
			return validation.New("int_parsing", "Input should be a valid integer, unable to parse string as an integer", inQuery, param.Name)
		}
		value = json.Number(strconv.Itoa(number))
	}
	_, err := validation.Check(value, param.Schema, inQuery, param.Name)
	return err
}

// checkHeaders checks the headers of a request against the declared parameters.
func checkHeaders(header http.Header, declared []*huma.Param) error {
	for _, param := range declared {
		values := header.Values(param.Name)
		if param.In != inHeader || len(values) == 0 {
			continue
		}
		if len(values) > 1 {
			return badRequest("The header " + param.Name + " comes " + strconv.Itoa(len(values)) + " times: give it once")
		}
		if _, err := validation.Check(values[0], param.Schema); err != nil {
			return badRequest("The header " + param.Name + " does not fit" + err.Error())
		}
	}
	return nil
}

func badRequest(detail string) error {
	return &callError{status: http.StatusBadRequest, detail: detail}
}

// limit is how many entries a page may have: the query's limit, or defaultPage.
func (r *request) limit() int {
	value, err := strconv.Atoi(r.query.Get("limit"))
	if err != nil {
		return defaultPage // There is none: what is no number was refused.
	}
	return value
}
