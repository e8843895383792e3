package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/fault"
)

// demoReport is what the demo prints.
type demoReport struct {
	Schema  string     `json:"schema"`
	OK      bool       `json:"ok"`
	Tool    string     `json:"tool"` // the terraform or tofu that ran
	Dir     string     `json:"dir,omitempty"`
	Seconds int64      `json:"seconds"`
	Steps   []demoStep `json:"steps"`
}

// demoStep is one thing that the demo did and what it saw.
type demoStep struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// demo is one run: a folder with a server's data, a Terraform project and a company's people. Every
// step is this very program, run as those people would run it.
type demo struct {
	app    *app
	self   string // this program
	dir    string
	tool   string // terraform or tofu
	url    string
	server *exec.Cmd
	report demoReport
	change string   // id of the Terraform change
	config string   // id of the configuration file's change
	found  []raised // what the edit behind the back raised
}

func demoCommand(a *app) *cobra.Command {
	var once bool
	var keep, listen, remove string
	cmd := a.leaf("demo", "Run the whole loop on real Terraform in a folder of its own", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		if remove != "" {
			return a.removeDemo(remove)
		}
		return a.runDemo(cmd.Context(), once, keep, listen)
	})
	cmd.Long = `Starts a server in a temporary folder (or in --keep DIR), sets a sample company up, files a change
with a real plan, and goes through refusals, approvals, execution, rollback and proof. Without --once the
server stays up afterwards until you press Ctrl-C. What it made is never mixed with other data: --remove DIR
removes the folder of an earlier --keep, and only such a folder.`
	cmd.Flags().BoolVar(&once, "once", false, "stop the server at the end")
	cmd.Flags().StringVar(&keep, "keep", "", "folder to work in and to leave in place; it must be empty or absent")
	cmd.Flags().StringVar(&remove, "remove", "", "remove the folder of an earlier demo instead")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the demo's server")
	return cmd
}

func (a *app) runDemo(ctx context.Context, once bool, keep, listen string) error {
	d := &demo{app: a, report: demoReport{Schema: "plumb.demo/v1", OK: true, Steps: []demoStep{}}}
	remove, err := d.prepare(keep)
	if err != nil {
		return err
	}
	defer remove()
	defer d.stop()
	began := a.now()
	broken := d.play(ctx, listen)
	d.report.Seconds = int64(a.now().Sub(began).Seconds())
	d.report.OK = broken == nil
	if err := a.showDemo(d.report); err != nil {
		return err
	}
	if broken != nil {
		return fault.New(fault.Internal, "demo_failed", "The demo did not hold: %v.", broken).FixedBy("whoever built this program").
			Then("plumb demo --once --keep DIR, then look into DIR/server.log")
	}
	if once {
		return nil
	}
	if failed := d.furnish(ctx); len(failed) > 0 && ctx.Err() == nil {
		a.note("The loop held, but the sample company lacks %s. Why each could not be set up; more is in %s:", counted(int64(len(failed)), "part"), filepath.Join(d.dir, "server.log"))
		for _, err := range failed {
			a.note("  %s", clean(err.Error()))
		}
	}
	d.leaveUp(ctx)
	return nil
}

// prepare finds the tools and the folder.
func (d *demo) prepare(keep string) (remove func(), err error) {
	remove = func() {}
	if d.self, err = os.Executable(); err != nil {
		return remove, fmt.Errorf("find this program: %w", err)
	}
	for _, tool := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(tool); err == nil && d.tool == "" {
			d.tool = path
		}
	}
	if d.tool == "" {
		return remove, fault.New(fault.Invalid, "no_terraform", "Neither terraform nor tofu is on the PATH; the demo runs a real one.").
			FixedBy("you").Then("install one of them, or run: make demo")
	}
	d.report.Tool = filepath.Base(d.tool)
	if keep == "" {
		if d.dir, err = os.MkdirTemp("", "plumb-demo-*"); err != nil {
			return remove, err
		}
		return func() { os.RemoveAll(d.dir) }, d.write(sampleMark, d.dir+"\n", 0o600)
	}
	if d.dir, err = filepath.Abs(keep); err != nil {
		return remove, err
	}
	d.report.Dir = d.dir
	if list, err := os.ReadDir(d.dir); err == nil && len(list) > 0 {
		return remove, fault.New(fault.Invalid, "folder_not_empty", "The folder for the demo is not empty; nothing was touched.").
			FixedBy("you").Then("name another folder")
	}
	return remove, d.write(sampleMark, d.dir+"\n", 0o600)
}

// play runs the steps in order; the first that does not hold ends it.
func (d *demo) play(ctx context.Context, listen string) error {
	steps := []struct {
		name, doing string
		run         func(context.Context) (string, error)
	}{
		{"server_started", "starting a server", func(ctx context.Context) (string, error) { return d.start(ctx, listen) }},
		{"gate_denies_before_set_up", "asking the gate before anybody is set up", d.deniedBeforeSetUp},
		{"company_set_up", "holding the first-start ceremony", d.setUp},
		{"people_signed_in", "signing seven people in", d.signIn},
		{"plan_made", "planning with real Terraform", d.makePlan},
		{"state_observed", "showing the inventory what is there", d.stateObserved},
		{"change_filed", "filing the change", d.fileChange},
		{"untested_not_approvable", "approving before anything is tested", d.untested},
		{"tests_attached", "running and attaching the tests", d.attachTests},
		{"self_approval_refused", "approving one's own change", d.selfApproval},
		{"unapproved_refused", "running before it is approved", d.unapproved},
		{"two_approvals", "approving as two leads", d.approveTwice},
		{"edit_voids_approval", "editing after the approval", d.editVoids},
		{"approved_again", "submitting and approving the new wording", d.approveAgain},
		{"stranger_refused", "running as somebody who is not named", d.stranger},
		{"wrong_plan_refused", "running another plan", d.wrongPlan},
		{"right_plan_applied", "applying the approved plan", d.rightPlan},
		{"apply_explained", "observing what it made, and tracing it to the change", d.applyExplained},
		{"second_use_refused", "applying it a second time", d.secondUse},
		{"rollback_run", "rolling back", d.rollBack},
		{"rollback_explained", "observing the way back", d.rollbackExplained},
		{"closed_as_backed_out", "closing honestly", d.closeBackedOut},
		{"edit_behind_the_back_found", "editing production past the gate, and observing it", d.editFound},
		{"edit_reverted_and_proved", "taking it back, and proving it", d.editReverted},
		{"config_file_applied", "a configuration file, from request to result", d.configFile},
		{"secret_never_stored", "looking for the plan's secret in everything kept", d.secretAbsent},
		{"ledger_verified", "verifying the ledger", d.verifyLedger},
		{"tampering_named", "editing a row behind the server's back", d.tamper},
		{"pack_verified", "exporting and verifying the evidence", d.verifyPack},
		{"changed_pack_refused", "changing one byte of the evidence", d.changedPack},
	}
	for _, s := range steps {
		d.app.note("%s …", capital(s.doing))
		detail, err := s.run(ctx)
		d.report.Steps = append(d.report.Steps, demoStep{Name: s.name, OK: err == nil, Detail: stepDetail(detail, err)})
		if err != nil {
			return fmt.Errorf("step %s: %w", s.name, err)
		}
	}
	return nil
}

func stepDetail(detail string, err error) string {
	if err != nil {
		return err.Error()
	}
	return detail
}

// showDemo prints the report in the asked-for form.
func (a *app) showDemo(r demoReport) error {
	return a.emitValue(r, func(w io.Writer) error {
		paint := a.paint(w)
		for _, s := range r.Steps {
			mark := paint(green, "ok  ")
			if !s.OK {
				mark = paint(red, "FAIL")
			}
			if _, err := fmt.Fprintf(w, "%s  %-26s %s\n", mark, s.Name, s.Detail); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(w, "%d steps in %d s, with %s\n", len(r.Steps), r.Seconds, r.Tool)
		return err
	})
}

// leaveUp keeps the server running for the reader.
func (d *demo) leaveUp(ctx context.Context) {
	d.app.note("The server is up: open %s and sign in as sam, with the password from %s", d.url, filepath.Join(d.dir, "passwords"))
	d.app.note("Its data are in %s. API: %s/docs", d.dir, d.url)
	d.app.note("Look around as the author:  export PLUMB_URL=%s XDG_CONFIG_HOME=%s; %s change show %s", d.url, d.home("ann"), d.self, d.change)
	d.app.note("People: ann (author), sam, erin (leads), olga (officer), ivo (implementer); their passwords are in %s", filepath.Join(d.dir, "passwords"))
	d.app.note("Press Ctrl-C to stop.")
	<-ctx.Done()
}

// stop ends the server and waits for it.
func (d *demo) stop() {
	if d.server == nil || d.server.Process == nil {
		return
	}
	_ = d.server.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { _ = d.server.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		_ = d.server.Process.Kill()
		<-done
	}
	d.server = nil
}
