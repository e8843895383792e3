package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/wire"
)

// renewEvery is how often a run prolongs its lease: three times before it would end.
const renewEvery = 10 * time.Minute

// execute runs the job under its permit and reports how it ended.
func (a *app) execute(ctx context.Context, c *client.Client, j *job, h *heldPermit) error {
	v := h.Verdict
	a.note("%s opened for %s rev %d, to start before %s.", capital(v.Kind)+" permit", clean(v.Change), v.Rev, v.Expires.UTC().Format("15:04Z"))
	begun := a.now()
	ctx = context.WithoutCancel(ctx) // a signal is the command's affair; its end is reported in any case
	stop := a.keepLease(ctx, c, h, renewEvery)
	report, err := a.start(j)
	stop()
	if err == nil && report.Outcome == "success" {
		err = j.vault.intact()
	}
	report.Permit, report.Fence = v.PermitID, h.Fence
	if err != nil {
		report.Outcome, report.Exit, report.Note = "failure", max(1, report.Exit), short(err.Error())
	}
	a.finish(ctx, c, h, report)
	exit := int(report.Exit)
	v.Exit = &exit
	if report.Outcome != "success" {
		v.Code = wire.ExitCommand
		a.note("%s after %s: %s", a.paint(a.err)(red, "Failed"), span(a.now().Sub(begun)), either(report.Note, fmt.Sprintf("the command ended with %d", exit)))
		a.note("  next  plumb gate run %s --kind rollback -- COMMAND", v.Change)
	} else {
		a.note("%s in %s.", a.paint(a.err)(green, "Done"), span(a.now().Sub(begun)))
	}
	v.Permit = nil // used; its envelope is in the change's permits
	return a.verdict(v, nil)
}

// start runs the command to its end.
func (a *app) start(j *job) (wire.GateClose, error) {
	cmd := exec.Command(j.argv[0], j.argv[1:]...)
	cmd.Env = j.env
	log := &logged{to: a.err, sum: sha256.New()}
	interactive := !j.tf && isTerminal(a.in)
	ownGroup(cmd, !interactive)
	forward := forwardAll
	switch {
	case j.tf:
		forward = forwardLeader
	case interactive:
		forward = forwardTerminal
	}
	var report wire.GateClose
	var err error
	if j.tf {
		report, err = a.applyPlan(cmd, j, log, forward)
	} else {
		report, err = a.startOther(cmd, log, forward)
	}
	if log.some {
		report.Log = "sha256:" + hex.EncodeToString(log.sum.Sum(nil))
	}
	return report, err
}

// startOther runs a command that is not Terraform's. Both of its streams go to standard error, where
// they are masked line by line: standard output has the verdict alone.
func (a *app) startOther(cmd *exec.Cmd, log io.Writer, forward forwarder) (wire.GateClose, error) {
	scrub := plan.NewScrubber(log, nil)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, scrub, scrub
	if f, ok := a.in.(*os.File); ok {
		cmd.Stdin = f
	}
	err := a.wait(cmd, forward, nil)
	if closeErr := scrub.Close(); err == nil {
		err = closeErr
	}
	return ended(cmd, err)
}

// applyPlan runs terraform apply -json and turns its stream into progress and receipts.
func (a *app) applyPlan(cmd *exec.Cmd, j *job, log io.Writer, forward forwarder) (wire.GateClose, error) {
	known := j.plan.Secrets()
	scrub := plan.NewScrubber(log, known)
	cmd.Stderr = scrub
	out, err := cmd.StdoutPipe()
	if err != nil {
		return wire.GateClose{}, err
	}
	show := a.progress(log, j.plan.Counts().Changes())
	var result *plan.Outcome
	err = a.wait(cmd, forward, func() error {
		var err error
		result, err = plan.ReadApply(out, plan.ApplyOptions{Known: known}, show.event)
		show.end()
		return err
	})
	if closeErr := scrub.Close(); err == nil {
		err = closeErr
	}
	report, err := ended(cmd, err)
	if result != nil {
		report.Receipts = receipts(result)
		if report.Outcome == "success" && result.Result != plan.Complete {
			report.Outcome, report.Exit, report.Note = "failure", 1, "The tool ended without error, but did not say that the apply is complete."
		}
		if report.Note == "" {
			report.Note = short(summary(result))
		}
	}
	return report, err
}

// wait starts the command, passes signals on, and waits. read consumes its output before the wait.
func (a *app) wait(cmd *exec.Cmd, forward forwarder, read func() error) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	done := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			select {
			case s := <-signals:
				a.note("Passing %s on to the command.", s)
				forward(cmd, s)
			case <-done:
				return
			}
		}
	})
	var readErr error
	if read != nil {
		readErr = read()
	}
	err := cmd.Wait()
	close(done)
	passing.Wait()
	return errors.Join(err, readErr)
}

// ended says how a command ended. An error that is none of the command's own means that nobody knows,
// which is not success.
func ended(cmd *exec.Cmd, err error) (wire.GateClose, error) {
	if cmd.ProcessState == nil {
		return wire.GateClose{Outcome: "failure", Exit: 127}, err
	}
	r := wire.GateClose{Outcome: "success", Exit: int64(exitStatus(cmd.ProcessState))}
	if r.Exit != 0 {
		r.Outcome = "failure"
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return r, err
	}
	return r, nil
}

// keepLease prolongs the lease while the command runs. A refusal is told and does not stop the command:
// half of a change is worse than a change that somebody wanted held; the record shows it.
func (a *app) keepLease(ctx context.Context, c *client.Client, h *heldPermit, every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if _, err := c.GateRenew(ctx, h.Verdict.PermitID, h.Fence); err != nil && ctx.Err() == nil {
				a.note("The lease was not renewed: %s Stop the run if you can.", fault.Of(err).Message)
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

// logged passes a masked log on and hashes what it passes. The command's two streams share it.
type logged struct {
	mu   sync.Mutex // guards all below
	to   io.Writer
	sum  hash.Hash
	some bool
}

// Write passes bytes on.
func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.some = l.some || len(bytes.TrimSpace(b)) > 0
	l.sum.Write(b)
	return l.to.Write(b)
}

// maxReceipts is how many receipts the server takes; the others are in the tool's own summary.
const maxReceipts = 5000

func receipts(o *plan.Outcome) []wire.Receipt {
	states := map[string]string{plan.Complete: "done", plan.Errored: "failed", plan.Started: "started"}
	var out []wire.Receipt
	for _, r := range o.Receipts[:min(len(o.Receipts), maxReceipts)] {
		out = append(out, wire.Receipt{Address: short(r.Address), Action: r.Action, Outcome: either(states[r.State], "started"),
			ID: short(r.ID), Seconds: int64(r.Seconds)})
	}
	return out
}

func summary(o *plan.Outcome) string {
	s := fmt.Sprintf("%d added, %d changed, %d destroyed", o.Add, o.Change, o.Remove)
	for _, d := range o.Diagnostics {
		if d.Severity == "error" {
			return strings.TrimSpace(d.Summary + " " + d.Address)
		}
	}
	return s
}
