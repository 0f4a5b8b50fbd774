package plugin

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestDocumentKnowsEveryCommandFlagAndExitCode(t *testing.T) {
	data, err := os.ReadFile("../../docs/kubectl-plugin.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	root := NewCommand(SystemStreams())
	for _, command := range root.Commands() {
		if !strings.Contains(document, "`kubectl swath "+command.Name()+" ") && !strings.Contains(document, "`kubectl swath "+command.Name()+"`") && !strings.Contains(document, "`"+command.Name()+" ") {
			t.Errorf("the document does not know the command %s", command.Name())
		}
	}
	for _, code := range []int{codeError, codeFailed, codeCancelled, codeTimeout, codeSignal + 2, codeSignal + 15} {
		if !strings.Contains(document, fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("the document does not know the exit code %d", code)
		}
	}
	for _, word := range strings.FieldsFunc(document, func(r rune) bool { return !strings.ContainsRune("-abcdefghijklmnopqrstuvwxyz", r) }) {
		if name, found := strings.CutPrefix(word, "--"); found && strings.Trim(name, "-") != "" && !ofOthers[name] && !isFlag(root, name) {
			t.Errorf("the document has --%s, which no command has", name)
		}
	}
}

// ofOthers are the flags of kubectl itself in the document.
var ofOthers = map[string]bool{"clusterrole": true, "serviceaccount": true}

func isFlag(root *cobra.Command, name string) bool {
	known := root.PersistentFlags().Lookup(name) != nil
	for _, command := range root.Commands() {
		known = known || command.Flags().Lookup(name) != nil
	}
	return known
}
