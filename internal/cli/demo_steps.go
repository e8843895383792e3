package cli

import (
	"context"
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

// start starts this program's own server and waits until it says that it is ready.
func (d *demo) start(ctx context.Context, listen string) (string, error) {
	ready := filepath.Join(d.dir, "ready.json")
	log, err := os.OpenFile(filepath.Join(d.dir, "server.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return "", err
	}
	defer log.Close()
	began := time.Now()
	d.server = exec.Command(d.self, "serve", "--data", filepath.Join(d.dir, "data"), "--listen", listen, "--ready-file", ready)
	d.server.Stdout, d.server.Stderr = log, log
	if err := d.server.Start(); err != nil {
		return "", fmt.Errorf("start server: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var r struct {
			URL  string         `json:"url"`
			Rest jsontext.Value `json:",inline"`
		}
		if b, err := os.ReadFile(ready); err == nil && json.Unmarshal(b, &r) == nil && r.URL != "" {
			d.url = r.URL
			return fmt.Sprintf("%s, ready in %d ms", d.url, time.Since(began).Milliseconds()), nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
		if time.Since(began) > 30*time.Second {
			text, _ := d.read("server.log")
			return "", fmt.Errorf("the server is not ready after 30 s: %s", lastLine(text))
		}
	}
}

func (d *demo) deniedBeforeSetUp(ctx context.Context) (string, error) {
	if err := d.write("project/.keep", "", 0o600); err != nil {
		return "", err
	}
	if err := d.write("terraform.rc", "disable_checkpoint = true\n", 0o600); err != nil {
		return "", err
	}
	o, err := d.want(ctx, 8, "ivo", "gate", "check", "CHG-1")
	return "exit 8: " + lastLine(o.err+o.out), err
}

func (d *demo) setUp(ctx context.Context) (string, error) {
	type member struct {
		Username string   `json:"username"`
		Name     string   `json:"name"`
		Email    string   `json:"email"`
		Password string   `json:"password"`
		Roles    []string `json:"roles"`
	}
	company := struct {
		Company  string   `json:"company"`
		Officers []string `json:"officers"`
		People   []member `json:"people"`
	}{Company: "Example Ltd", Officers: []string{"olga", "otto"}}
	passwords := ""
	for _, p := range demoPeople {
		m := member{Username: p.name, Name: capital(p.name), Email: p.name + "@example.com", Password: newDemoPassword(), Roles: append([]string{}, p.roles...)}
		company.People = append(company.People, m)
		passwords += m.Username + " " + m.Password + "\n"
	}
	if err := d.write("passwords", passwords, 0o600); err != nil {
		return "", err
	}
	body, err := marshal(company)
	if err != nil {
		return "", err
	}
	if err := d.write("company.json", string(body), 0o600); err != nil {
		return "", err
	}
	_, err = d.want(ctx, 0, "olga", "setup", "-f", filepath.Join(d.dir, "company.json"), "--code-file", filepath.Join(d.dir, "data", "setup-code"))
	return fmt.Sprintf("%d people, two officers, the shipped policy pack in force", len(demoPeople)), err
}

func (d *demo) signIn(ctx context.Context) (string, error) {
	text, err := d.read("passwords")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		name, password, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.Contains(" ann sam erin ed olga ivo pia ", " "+name+" ") {
			continue
		}
		o, err := d.plumb(ctx, name, password+"\n", "login", name, "--password-stdin")
		if err != nil || o.code != 0 {
			return "", fmt.Errorf("login of %s: exit %d %s: %w", name, o.code, lastLine(o.err), err)
		}
	}
	return "ann, sam, erin, ed, olga, ivo and pia, each in a session file of mode 0600", nil
}

const demoTerraform = `variable "idle_minutes" {
  type = number
}

variable "api_token" {
  type      = string
  sensitive = true
}

resource "terraform_data" "app" {
  input            = { idle_minutes = var.idle_minutes, api_token = var.api_token }
  triggers_replace = var.idle_minutes

  provisioner "local-exec" {
    command = "mkdir -p prod && printf 'idle_timeout = %d\n' \"$MINUTES\" > prod/app.conf"
    environment = { MINUTES = var.idle_minutes }
  }
}

output "idle_minutes" {
  value = terraform_data.app.input.idle_minutes
  sensitive = true
}
`

func (d *demo) makePlan(ctx context.Context) (string, error) {
	back := "#!/bin/sh\n# Puts the timeout of before back, with the same tool.\nset -eu\nexec \"" + d.tool + "\" apply -auto-approve -input=false -var idle_minutes=30\n"
	for name, text := range map[string]string{"main.tf": demoTerraform, "rollback.sh": back} {
		if err := d.write("project/"+name, text, 0o700); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{
		{"init", "-input=false"},
		{"apply", "-input=false", "-auto-approve", "-var", "idle_minutes=30"},
		{"plan", "-input=false", "-out", "tfplan", "-var", "idle_minutes=15"},
		{"plan", "-input=false", "-out", "otherplan", "-var", "idle_minutes=0"},
	} {
		if err := d.terraform(ctx, args...); err != nil {
			return "", err
		}
	}
	o, err := d.want(ctx, 0, "ann", "plan", "digest", "tfplan")
	return "production runs with 30 minutes; the plan says 15; " + lastLine(o.out), err
}

func (d *demo) fileChange(ctx context.Context) (string, error) {
	err := d.fileAs(ctx, &d.change, "Shorter idle timeout", "--tf-plan", "tfplan", "--rollback", "Apply 30 minutes again with rollback.sh", "--rollback-runbook", "rollback.sh")
	return d.change + ", with the redacted plan and a runnable rollback", err
}

// fileAs files and submits a configuration change of the web service.
func (d *demo) fileAs(ctx context.Context, id *string, summary string, more ...string) error {
	var c struct {
		ID   string         `json:"id"`
		Rest jsontext.Value `json:",inline"`
	}
	args := append([]string{"change", "new", "--no-ci", "--submit", "--category", "configuration", "--summary", summary,
		"--justification", "The policy asks for 15 minutes", "--component", "web", "--target", "web-prod", "--implementer", "ivo"}, more...)
	if err := d.wantJSON(ctx, 0, "ann", &c, args...); err != nil {
		return err
	}
	*id = c.ID
	return nil
}

func (d *demo) untested(ctx context.Context) (string, error) {
	return d.refused(ctx, 3, "checks_missing", "sam", "change", "approve", d.change)
}

// attachTests runs checks of the real project and attaches their outcome, bound to the plan.
func (d *demo) attachTests(ctx context.Context) (string, error) {
	cases := ""
	for _, args := range [][]string{{"validate"}, {"fmt", "-check", "main.tf"}} {
		if args[0] == "fmt" {
			if err := d.terraform(ctx, "fmt", "main.tf"); err != nil {
				return "", err
			}
		}
		failure := ""
		if err := d.terraform(ctx, args...); err != nil {
			failure = "<failure message=\"it did not pass\"/>"
		}
		cases += fmt.Sprintf("<testcase classname=%q name=%q>%s</testcase>", d.report.Tool, args[0], failure)
	}
	if err := d.write("project/tests.xml", "<testsuite name=\"project\" tests=\"2\">"+cases+"</testsuite>", 0o600); err != nil {
		return "", err
	}
	_, err := d.want(ctx, 0, "ann", "evidence", "add", d.change, "tests.xml")
	return "validate and fmt -check, as JUnit, bound to the plan's digest", err
}

func (d *demo) selfApproval(ctx context.Context) (string, error) {
	return d.refused(ctx, 3, "self_approval", "ann", "change", "approve", d.change)
}

func (d *demo) unapproved(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 4, "ivo", "gate", "run", d.change, "--", d.tool, "apply", "tfplan")
	return "exit 4: " + lastLine(o.out), err
}

func (d *demo) approveTwice(ctx context.Context) (string, error) { return d.approveBy(ctx, d.change) }

// approveBy lets both leads approve and asks that this suffices.
func (d *demo) approveBy(ctx context.Context, id string) (string, error) {
	for _, who := range []string{"sam", "erin"} {
		if _, err := d.want(ctx, 0, who, "change", "approve", id, "-m", "read it all"); err != nil {
			return "", err
		}
	}
	state, err := d.state(ctx, id)
	if err == nil && state != "authorized" {
		err = fmt.Errorf("%s is %s after two approvals, want authorized", id, state)
	}
	return "sam as security lead and erin as engineering lead: " + state, err
}

func (d *demo) state(ctx context.Context, id string) (string, error) {
	var v struct {
		Change struct {
			State string         `json:"state"`
			Rest  jsontext.Value `json:",inline"`
		} `json:"change"`
		Rest jsontext.Value `json:",inline"`
	}
	err := d.wantJSON(ctx, 0, "ann", &v, "change", "show", id)
	return v.Change.State, err
}

func (d *demo) editVoids(ctx context.Context) (string, error) {
	if _, err := d.want(ctx, 0, "ann", "change", "edit", d.change, "--no-ci", "--summary", "Idle timeout of 15 minutes"); err != nil {
		return "", err
	}
	o, err := d.want(ctx, 4, "ivo", "gate", "check", d.change, "--tf-plan", "tfplan")
	return "exit 4 after one word was changed: " + lastLine(o.out), err
}

func (d *demo) approveAgain(ctx context.Context) (string, error) {
	if _, err := d.want(ctx, 0, "ann", "change", "submit", d.change); err != nil {
		return "", err
	}
	return d.approveBy(ctx, d.change)
}

func (d *demo) stranger(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 3, "pia", "gate", "run", d.change, "--", d.tool, "apply", "tfplan")
	return "exit 3: " + lastLine(o.out), err
}

func (d *demo) wrongPlan(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 5, "ivo", "gate", "run", d.change, "--", d.tool, "apply", "otherplan")
	if err != nil {
		return "", err
	}
	return "exit 5: " + lastLine(o.out), d.inProduction("30")
}

// inProduction asks what production runs with, in the file that Terraform wrote.
func (d *demo) inProduction(minutes string) error {
	text, err := d.read("project/prod/app.conf")
	if err == nil && text != "idle_timeout = "+minutes+"\n" {
		err = fmt.Errorf("production runs with %q, want %s minutes", text, minutes)
	}
	return err
}

func (d *demo) rightPlan(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 0, "ivo", "gate", "run", d.change, "--", d.tool, "apply", "tfplan")
	if err != nil {
		return "", err
	}
	return "exit 0, production runs with 15 minutes: " + lastLine(o.out), d.inProduction("15")
}

func (d *demo) secondUse(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 3, "ivo", "gate", "run", d.change, "--", d.tool, "apply", "tfplan")
	return "exit 3: " + lastLine(o.out), err
}

func (d *demo) rollBack(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 0, "ivo", "gate", "run", d.change, "--kind", "rollback", "--", "sh", "rollback.sh")
	if err != nil {
		return "", err
	}
	return "exit 0, production runs with 30 minutes again: " + lastLine(o.out), d.inProduction("30")
}

func (d *demo) closeBackedOut(ctx context.Context) (string, error) {
	if _, err := d.refused(ctx, 2, "dishonest_closure", "ann", "change", "close", d.change, "--as", "successful"); err != nil {
		return "", err
	}
	_, err := d.want(ctx, 0, "ann", "change", "close", d.change, "--as", "backed_out", "--outcome", "Backed out after ten minutes",
		"--causes", "The timeout was too short for the night shift", "--action", "ann 2030-01-31 Ask the night shift first")
	return "closing it as successful was refused; closed as backed_out with a review", err
}

func (d *demo) configFile(ctx context.Context) (string, error) {
	if err := d.write("project/limits.conf", "max_sessions = 3\n", 0o600); err != nil {
		return "", err
	}
	if err := d.fileAs(ctx, &d.config, "Three sessions at most", "--config-file", "limits.conf", "--rollback", "Install the old file"); err != nil {
		return "", err
	}
	if _, err := d.want(ctx, 0, "ann", "evidence", "add", d.config, "tests.xml"); err != nil {
		return "", err
	}
	if _, err := d.approveBy(ctx, d.config); err != nil {
		return "", err
	}
	if err := d.write("project/limits.conf", "max_sessions = 999\n", 0o600); err != nil {
		return "", err
	}
	run := []string{"gate", "run", d.config, "--", "install", "-m", "0644", "limits.conf", "prod/limits.conf"}
	if _, err := d.want(ctx, 5, "ivo", run...); err != nil {
		return "", err
	}
	if err := d.write("project/limits.conf", "max_sessions = 3\n", 0o600); err != nil {
		return "", err
	}
	if _, err := d.want(ctx, 0, "ivo", run...); err != nil {
		return "", err
	}
	text, err := d.read("project/prod/limits.conf")
	if err == nil && text != "max_sessions = 3\n" {
		err = fmt.Errorf("production holds %q", text)
	}
	if err == nil {
		_, err = d.want(ctx, 0, "ed", "change", "verify", d.config, "-m", "looks right")
	}
	if err == nil {
		_, err = d.want(ctx, 0, "ann", "change", "close", d.config, "--as", "successful")
	}
	return d.config + ": an edited file was refused (exit 5), the approved one installed, verified by its owner, closed", err
}

// secretAbsent looks for the plan's sensitive value in all that the server keeps.
func (d *demo) secretAbsent(context.Context) (string, error) {
	files := 0
	err := filepath.WalkDir(filepath.Join(d.dir, "data"), func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "ballast" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if strings.Contains(string(b), d.secret()) {
			return fmt.Errorf("the plan's secret is in %s", e.Name())
		}
		return nil
	})
	return fmt.Sprintf("not in any of %d files of the data folder", files), err
}

func (d *demo) verifyLedger(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 0, "olga", "ledger", "verify", "--data", filepath.Join(d.dir, "data"))
	return lastLine(o.out), err
}

func (d *demo) verifyPack(ctx context.Context) (string, error) {
	pack := filepath.Join(d.dir, "evidence.plumb")
	if _, err := d.want(ctx, 0, "olga", "evidence", "export", d.change, "--file", pack); err != nil {
		return "", err
	}
	o, err := d.want(ctx, 0, "olga", "verify", pack)
	return lastLine(o.out), err
}

func (d *demo) changedPack(ctx context.Context) (string, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, "evidence.plumb"))
	if err != nil {
		return "", err
	}
	b[len(b)/2] ^= 1
	changed := filepath.Join(d.dir, "changed.plumb")
	if err := seal.WriteFile(changed, b, 0o600); err != nil {
		return "", err
	}
	o, err := d.want(ctx, 5, "olga", "verify", changed)
	return "exit 5: " + lastLine(o.out), err
}
