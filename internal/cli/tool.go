package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
)

// tool is the terraform or tofu that is used, and the folder it works in.
type tool struct {
	path string // of the program
	dir  string // -chdir, made absolute; "" for the present folder
}

// toolNames are the programs that read a saved plan.
var toolNames = []string{"terraform", "tofu"}

// isTool reports whether a command's first word is one of them.
func isTool(word string) bool {
	name := strings.TrimSuffix(filepath.Base(word), ".exe")
	return name == "terraform" || name == "tofu"
}

// findTool looks on PATH for the tool that is named, else for the first of the two.
func findTool(name, dir string) (tool, error) {
	names := toolNames
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return tool{path: p, dir: dir}, nil
		}
	}
	return tool{}, fault.New(fault.Invalid, "no_tool", "Neither terraform nor tofu is on PATH, and a saved plan is read by the program that made it.").
		FixedBy("whoever runs this machine").Then("install terraform or tofu")
}

// planDir is where a plan file is to be shown: beside it, where its providers are, else here.
func planDir(file string) string {
	dir := filepath.Dir(file)
	if _, err := os.Stat(filepath.Join(dir, ".terraform")); err == nil {
		return dir
	}
	return ""
}

// treacherous are variables that make the tool do something else than its arguments say.
var treacherous = []string{"TF_CLI_ARGS", "TF_REATTACH_PROVIDERS"}

// trustable refuses an environment in which the tool would not do what stands on its command line.
func (a *app) trustable(environ []string) error {
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		for _, t := range treacherous {
			if value != "" && (name == t || strings.HasPrefix(name, t+"_")) {
				return fault.New(fault.Invalid, "environment_overrides", "%s is set; it would change what runs without anybody seeing it.", name).
					Because("terraform", "").FixedBy("whoever runs this").Then("unset %s, and put its flags on the command line", name)
			}
		}
	}
	return nil
}

// childEnv is the environment for other programs: without anything of ours, so that no child finds the
// way to our token.
func childEnv(environ []string) []string {
	out := make([]string, 0, len(environ))
	for _, kv := range environ {
		if !strings.HasPrefix(kv, "PLUMB_") {
			out = append(out, kv)
		}
	}
	return out
}

// read shows a saved plan with the tool and redacts it as it comes; what the tool prints in clear
// never leaves this process.
func (t tool) read(ctx context.Context, file string, key []byte) (*plan.Plan, error) {
	cmd := exec.CommandContext(ctx, t.path, "show", "-json", "-no-color", file)
	cmd.Dir, cmd.Env = t.dir, childEnv(os.Environ())
	var said bytes.Buffer
	cmd.Stderr = &limited{w: &said, left: 4096}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(t.path), err)
	}
	p, readErr := plan.Read(out, plan.Options{Key: key})
	if readErr != nil {
		_, _ = io.Copy(io.Discard, out) // let the tool end by itself
	}
	if err := cmd.Wait(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(plan.Scrub(nil, said.String())), "\n\n")
		return nil, fault.New(fault.Invalid, "plan_unreadable", "%s cannot show the plan: %s", filepath.Base(t.path), oneLine(line)).
			Because("terraform", "").FixedBy("whoever made the plan").Then("%s init, in the folder of the configuration, and pass --tf-dir", filepath.Base(t.path)).From(err)
	}
	return p, readErr
}

// oneLine strips the frame that the tool draws around its errors.
func oneLine(s string) string {
	s = strings.NewReplacer("\n", " ", "│", "", "╷", "", "╵", "").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

// limited keeps the first bytes and takes the rest.
type limited struct {
	w    io.Writer
	left int
}

// Write keeps what fits.
func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	if _, err := l.w.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// repoKey gets the key for sensitive values, which only a token bound to the repository gets. Without
// one a plan that holds such values is bound by its exact bytes alone.
func (a *app) repoKey(ctx context.Context, c *client.Client, repo string) ([]byte, error) {
	if !a.usesToken() || repo == "" {
		return nil, nil
	}
	r, err := c.RepositoryKey(ctx, repo)
	if f := new(fault.Error); errors.As(err, &f) && (f.Kind == fault.Denied || f.Kind == fault.NotFound) {
		a.note("No key for %s: %s", repo, f.Message)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(r.Value.Key)
	if err != nil || len(key) < plan.LeastKey {
		return nil, fault.New(fault.Internal, "bad_answer", "The server's repository key is not one.").FixedBy("whoever runs the server").Then("plumb version")
	}
	return key, nil
}
