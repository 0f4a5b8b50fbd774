package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// healthCheck is the script that docs/operating.md gives for Argo CD.
func healthCheck(t *testing.T) string {
	t.Helper()
	document, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	const key = "resource.customizations.health.training.swath.dev_TrainingJob"
	for _, block := range strings.Split(string(document), "```") {
		text, ok := strings.CutPrefix(block, "yaml\n")
		if !ok || !strings.Contains(block, key) {
			continue
		}
		var manifest struct {
			Data map[string]string `json:"data"`
		}
		if err := yaml.Unmarshal([]byte(text), &manifest); err != nil {
			t.Fatal(err)
		}
		return manifest.Data[key]
	}
	t.Fatalf("docs/operating.md has no %s", key)
	return ""
}

// health runs the script on the job as Argo CD does.
func (s *stage) health(script string, job *v1alpha1.TrainingJob) (status, message string) {
	s.t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(job)
	if err != nil {
		s.t.Fatal(err)
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	lua.OpenBase(state)
	state.SetGlobal("obj", luaValue(state, object))
	if err := state.DoString(script); err != nil {
		s.t.Fatalf("the health check on %s: %v", describe(job), err)
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		s.t.Fatalf("the health check gives %s", state.Get(-1))
	}
	return lua.LVAsString(result.RawGetString("status")), lua.LVAsString(result.RawGetString("message"))
}

// luaValue is a value of JSON in Lua.
func luaValue(state *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case nil:
		return lua.LNil
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		table := state.NewTable()
		for _, item := range v {
			table.Append(luaValue(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range v {
			table.RawSetString(key, luaValue(state, item))
		}
		return table
	}
	return lua.LString(fmt.Sprint(value))
}

// The script of the documents says of a real job what holds, at each of its stations.
func TestArgoCDShowsTheHealthOfAJob(t *testing.T) {
	script := healthCheck(t)
	s := newStage(t, withoutOperator)
	want := func(job *v1alpha1.TrainingJob, health, says string) {
		t.Helper()
		status, message := s.health(script, s.job(job))
		if status != health || !strings.Contains(message, says) {
			t.Errorf("the health is %s: %q, want %s: %q; the job is %s", status, message, health, says, describe(s.job(job)))
		}
	}
	job := s.submit(newJob("ships"))
	want(job, "Progressing", "nothing is recorded of the job yet")
	s.start()
	t.Cleanup(func() { s.stop() })
	k := s.training(job)
	want(job, "Progressing", "trains on node")

	s.change(job, suspend)
	k.deleting().ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	s.waitsFor(job, v1alpha1.ReasonSuspended)
	want(job, "Suspended", "suspend")

	s.change(job, resume)
	second := s.onNode(s.pod(job, v1alpha1.RoleTrain, 2)).runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
	second.says(contract.StageTrain, trained(s.job(job), 2))
	s.phase(job, v1alpha1.PhaseSucceeded)
	want(job, "Healthy", "model-")

	broken := s.submit(newJob("broken"))
	s.onNode(s.pod(broken, v1alpha1.RolePrepare, 1)).ends(contract.StageDownload, contract.ExitNoFile, "file-train is not in storage")
	s.phase(broken, v1alpha1.PhaseFailed)
	want(broken, "Degraded", "file-train is not in storage")

	unwanted := newJob("unwanted")
	cancel(unwanted)
	s.submit(unwanted)
	s.phase(unwanted, v1alpha1.PhaseCancelled)
	want(unwanted, "Degraded", "cancelled")
}
