package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// bashCompletion is the package that the scripts of programs for bash build on.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// completionCases are what is typed before the tabulator, and what has to be offered.
var completionCases = map[string]struct {
	typed  string
	offers []string
	hides  []string
}{
	"commands":      {"kubectl-swath su", []string{"submit", "suspend"}, []string{"watch"}},
	"jobs":          {"kubectl-swath watch ", []string{"ships", "fields"}, nil},
	"jobs begun":    {"kubectl-swath watch sh", []string{"ships"}, []string{"fields"}},
	"more jobs":     {"kubectl-swath cancel ships fi", []string{"fields"}, nil},
	"models":        {"kubectl-swath predict ", []string{"ships", "model-ships"}, []string{"fields"}},
	"model begun":   {"kubectl-swath download model-", []string{"model-ships"}, []string{"fields"}},
	"flag's values": {"kubectl-swath submit --task ", []string{"classification", "segmentation"}, nil},
	"files":         {"kubectl-swath predict ships ", []string{"chips.h5"}, []string{"model-ships"}},
}

// offered are completions by shell: each gives what it offers after some text.
var offered = map[string]func(p *person, folder, typed string) string{
	"bash": func(p *person, folder, typed string) string {
		// The variables are those that bash itself sets before it calls a completion function.
		return p.shell(folder, "bash", "--norc", "-c", `
			source `+bashCompletion+`
			source <(kubectl-swath completion bash)
			COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
			read -ra COMP_WORDS <<<"$1"
			[[ $1 != *" " ]] || COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			__start_kubectl-swath
			printf '%s\n' "${COMPREPLY[@]}"
			((${#COMPREPLY[@]})) || compgen -f -- "${COMP_WORDS[COMP_CWORD]}"`, "bash", typed)
	},
	"fish": func(p *person, folder, typed string) string {
		return p.shell(folder, "fish", "--no-config", "-c", `kubectl-swath completion fish | source; complete --do-complete "$argv[1]"`, typed)
	},
	"zsh": func(p *person, folder, typed string) string { return p.zsh(folder, typed) },
}

// shell runs a shell in a folder.
func (p *person) shell(folder, name string, args ...string) string {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), name, args...)
	command.Dir, command.Env = folder, append(p.environment(), "TERM=dumb")
	printed, err := command.CombinedOutput()
	if err != nil {
		p.t.Errorf("%s: %v", name, err)
	}
	return string(printed)
}

// zsh types into an interactive zsh, since its completion works nowhere else: text, and the tabulator.
func (p *person) zsh(folder, typed string) string {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), "zsh", "-f", "-i")
	command.Dir, command.Env = folder, append(p.environment(), "TERM=vt100", "PS1=ready> ")
	terminal, err := pty.StartWithSize(command, &pty.Winsize{Rows: 50, Cols: 160})
	if err != nil {
		p.t.Fatal(err)
	}
	shown := &output{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := terminal.Read(buffer)
			_, _ = shown.Write(buffer[:n]) // Never fails.
			if err != nil {
				return
			}
		}
	}()
	defer func() {
		_ = command.Process.Kill() // It may have ended.
		_ = command.Wait()         // It was killed.
		_ = terminal.Close()
		<-read
	}()
	write := func(text string) {
		if _, err := terminal.WriteString(text); err != nil {
			p.t.Fatalf("typing into zsh: %v", err)
		}
	}
	// All matches are listed at once, none is put in, and a mark follows them.
	write("autoload -U compinit && compinit -u -d " + folder + "/.dump; source <(kubectl-swath completion zsh); " +
		"unsetopt auto_menu menu_complete; zstyle ':completion:*' insert-unambiguous false; bindkey '^T' list-choices; bindkey -s '^Y' 'end''ed'; print read''y\n")
	eventually(p.t, "zsh has its completion", func() (string, bool) { return shown.String(), strings.Contains(shown.String(), "\nready\r\n") })
	before := len(shown.String())
	write(typed + "\x14\x19")
	eventually(p.t, "zsh lists matches", func() (string, bool) {
		now := shown.String()[before:]
		return now, strings.Contains(now, "ended")
	})
	return shown.String()[before:]
}

func TestShellsComplete(t *testing.T) {
	p := newPerson(t)
	p.job("ships", v1alpha1.PhaseSucceeded, func(status *v1alpha1.TrainingJobStatus) { status.TrainedModel = "model-ships" })
	p.job("fields", v1alpha1.PhaseRunning, nil)
	for shell, offers := range offered {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("there is no %s here: hack/setup-tests installs it", shell)
			}
			if _, err := os.Stat(bashCompletion); err != nil && shell == "bash" {
				t.Skipf("there is no %s here: hack/setup-tests installs it", bashCompletion)
			}
			for name, test := range completionCases {
				folder := t.TempDir()
				if err := os.WriteFile(filepath.Join(folder, "chips.h5"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				shown := offers(p, folder, test.typed)
				words := strings.FieldsFunc(strings.TrimPrefix(shown, test.typed), func(r rune) bool { return r <= ' ' || r == '\x1b' })
				for _, word := range test.offers {
					if !slices.Contains(words, word) {
						t.Errorf("%s: %q does not offer %s: %q", name, test.typed, word, shown)
					}
				}
				for _, word := range test.hides {
					if slices.Contains(words, word) {
						t.Errorf("%s: %q offers %s: %q", name, test.typed, word, shown)
					}
				}
			}
		})
	}
}

func TestKubectlCompletesItsPlugin(t *testing.T) {
	p := newPerson(t)
	p.job("ships", v1alpha1.PhaseRunning, nil)
	folder := t.TempDir()
	if err := os.Symlink(filepath.Join(programFolder, "kubectl-swath"), filepath.Join(folder, "kubectl_complete-swath")); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(programFolder, "kubectl"), "__complete", "swath", "watch", "")
	command.Env = append(p.environment(), "PATH="+folder+":"+programFolder+":"+os.Getenv("PATH"))
	printed, err := command.Output()
	if err != nil || !strings.HasPrefix(string(printed), "ships\t") {
		t.Errorf("kubectl swath watch <TAB> offers (%v): %s", err, printed)
	}
}
