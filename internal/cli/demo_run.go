package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/seal"
)

// demoPeople are the sample company: who they are and what they hold.
var demoPeople = []struct {
	name  string
	roles []string
}{
	{"ann", nil}, {"sam", []string{"security-lead"}}, {"seth", []string{"security-lead"}},
	{"erin", []string{"engineering-lead"}}, {"ed", []string{"engineering-lead"}},
	{"dana", []string{"devops-lead"}}, {"dirk", []string{"devops-lead"}},
	{"ian", []string{"it-manager"}}, {"iris", []string{"it-manager"}},
	{"olga", nil}, {"otto", nil}, {"ivo", []string{"implementer"}}, {"pia", []string{"implementer"}},
}

// ran is how one run of a command ended.
type ran struct {
	code     int
	out, err string
}

// home is the configuration folder of one person, with their session.
func (d *demo) home(who string) string { return filepath.Join(d.dir, "people", who) }

// plumb runs this program as somebody, in the Terraform project's folder.
func (d *demo) plumb(ctx context.Context, who, stdin string, args ...string) (ran, error) {
	return d.run(ctx, who, stdin, d.self, args...)
}

func (d *demo) run(ctx context.Context, who, stdin, name string, args ...string) (ran, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = filepath.Join(d.dir, "project")
	cmd.Env = append(os.Environ(), "PLUMB_URL="+d.url, "PLUMB_TOKEN_FILE=", "XDG_CONFIG_HOME="+d.home(who), "XDG_STATE_HOME="+d.home(who),
		"TF_CLI_CONFIG_FILE="+filepath.Join(d.dir, "terraform.rc"), "TF_IN_AUTOMATION=1", "TF_VAR_api_token="+d.secret(), "NO_COLOR=1", "CI=")
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return ran{}, fmt.Errorf("run %s: %w", filepath.Base(name), err)
	}
	return ran{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}, nil
}

// want runs plumb as somebody and asks for one exit code.
func (d *demo) want(ctx context.Context, code int, who string, args ...string) (ran, error) {
	o, err := d.plumb(ctx, who, "", args...)
	if err == nil && o.code != code {
		err = fmt.Errorf("plumb %s as %s ended with %d, want %d: %s %s", strings.Join(args, " "), who, o.code, code, lastLine(o.out), shorten(oneLine(o.err), 600))
	}
	return o, err
}

// wantJSON is want with -o json and the answer decoded; members that are not named are passed over.
func (d *demo) wantJSON(ctx context.Context, code int, who string, into any, args ...string) error {
	o, err := d.want(ctx, code, who, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(o.out), into); err != nil {
		return fmt.Errorf("plumb %s printed no JSON: %w", strings.Join(args, " "), err)
	}
	return nil
}

// refused asks that a command is refused with this code of the problem, and gives the sentence.
func (d *demo) refused(ctx context.Context, exit int, problem, who string, args ...string) (string, error) {
	o, err := d.want(ctx, exit, who, append(args, "-o", "json")...)
	if err != nil {
		return "", err
	}
	var p struct {
		Code   string         `json:"code"`
		Detail string         `json:"detail"`
		Rest   jsontext.Value `json:",inline"`
	}
	text := o.err[max(0, strings.Index(o.err, "{")):]
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Code != problem {
		return "", fmt.Errorf("plumb %s was refused with %q, want %s: %s", strings.Join(args, " "), p.Code, problem, lastLine(o.err))
	}
	return fmt.Sprintf("exit %d, %s: %s", exit, p.Code, p.Detail), nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// terraform runs the real tool in the project, as the pipeline would.
func (d *demo) terraform(ctx context.Context, args ...string) error {
	o, err := d.run(ctx, "ivo", "", d.tool, args...)
	if err == nil && o.code != 0 {
		err = fmt.Errorf("%s %s ended with %d: %s", d.report.Tool, args[0], o.code, lastLine(o.err))
	}
	return err
}

// secret is a value that a sensitive variable carries; it must be found in nothing that is kept.
func (d *demo) secret() string {
	return "canary-" + strings.ToLower(strings.TrimPrefix(seal.Raw([]byte(d.dir)), "sha256:"))[:24]
}

// newPassword makes a password for one person of the sample company.
func newDemoPassword() string {
	var b [15]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

func (d *demo) write(name, text string, mode os.FileMode) error {
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

func (d *demo) read(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, name))
	return string(b), err
}
