package plugin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What the gateway says of the images stands on standard error, and the bands go as the file has them: the gateway puts them
// in order.
func TestPredictShowsWhatTheGatewayWarnsOf(t *testing.T) {
	var bands [][]string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked inference
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		bands = append(bands, asked.Images[0].Bands)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"labels":[%s],"warnings":["other units?"]}`, strings.TrimSuffix(strings.Repeat("1,", len(asked.Images)), ","))
	}))
	defer server.Close()
	out, err := runPlugin(t, "predict", "model-abcdefghijkl", "../../test/testdata/cases/bands_reordered.h5", "-n", "demo", "--gateway", server.URL, "--gateway-token", "t", "-o", "csv")
	if err != nil || !strings.Contains(out, "warning: other units?\n") || strings.Count(out, "\n") != 62 {
		t.Errorf("it said (%v):\n%s", err, out)
	}
	if len(bands) != 1 || strings.Join(bands[0], " ") != "blue green red" {
		t.Errorf("it asked for %v", bands)
	}
	if _, err := runPlugin(t, "predict", "model-abcdefghijkl", "../../test/testdata/hdf5/r_nan_pixel.h5", "-n", "demo", "--gateway", server.URL, "--gateway-token", "t"); err == nil || !strings.Contains(err.Error(), `sample 4: the pixel of band "green"`) {
		t.Errorf("of a pixel that is no number it says %v", err)
	}
}
