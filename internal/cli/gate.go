package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func gateCommand(a *app) *cobra.Command {
	cmd := a.group("gate", "Ask the gate, and run under its permit", a.gateCheck(), a.gateOpen(), a.gateRun(), a.gateClose(), a.gateRenew())
	cmd.Long = "The gate releases exactly what was approved, once. See plumb exit-codes for what its status means."
	return cmd
}

// asking is what the flags of the gate commands say.
type asking struct {
	kind, env, stage, key string
	attempt               int64
	targets               []string
	advisory              bool
	wait                  time.Duration
	ci                    wire.CI
	items                 artifacts
}

func (q *asking) addFlags(cmd *cobra.Command, waits bool) {
	f := cmd.Flags()
	f.StringVar(&q.kind, "kind", wire.KindApply, "apply, rollback or plan")
	f.StringVar(&q.env, "env", "", "environment; another one than the approved is a mismatch")
	f.StringVar(&q.stage, "stage", "", "what the pipeline calls this stage; kept with the permit, allows no further run")
	f.Int64Var(&q.attempt, "attempt", 1, "number of the attempt")
	f.StringSliceVar(&q.targets, "target", nil, "target that will be touched; one that was not approved is a mismatch")
	if waits {
		f.DurationVar(&q.wait, "wait", 0, "wait so long for approvals, checks or the window; without it the answer is immediate")
		f.BoolVar(&q.advisory, "advisory", false, "print the verdict and exit 0, save for 2 and 8; recorded as advisory")
	}
	f.StringVar(&q.key, "idempotency-key", "", "key of this attempt, else made of repository, build, environment and attempt; gate run draws a new one for each run")
	for _, x := range []struct {
		name string
		to   *string
	}{{"pipeline", &q.ci.Pipeline}, {"job", &q.ci.Job}, {"build-id", &q.ci.BuildID}, {"commit", &q.ci.Commit},
		{"branch", &q.ci.Branch}, {"pr", &q.ci.PR}, {"actor", &q.ci.Actor}, {"ci-url", &q.ci.URL}, {"ci", &q.ci.Provider}} {
		f.StringVar(x.to, x.name, "", "else as the CI environment claims")
	}
	q.items.addFlags(cmd)
	completeWords(cmd, "kind", wire.KindApply, wire.KindRollback, wire.KindPlan)
}

// claims are what the CI environment says, with the flags on top.
func (q *asking) claims(a *app) wire.CI {
	ci := detectCI(a.getenv)
	for _, x := range []struct{ to, flag *string }{{&ci.Provider, &q.ci.Provider}, {&ci.Repo, &q.items.plans.repo}, {&ci.Pipeline, &q.ci.Pipeline},
		{&ci.Job, &q.ci.Job}, {&ci.BuildID, &q.ci.BuildID}, {&ci.Commit, &q.ci.Commit}, {&ci.Branch, &q.ci.Branch},
		{&ci.PR, &q.ci.PR}, {&ci.Actor, &q.ci.Actor}, {&ci.URL, &q.ci.URL}} {
		if *x.flag != "" {
			*x.to = *x.flag
		}
	}
	if q.items.plans.repo == "" {
		q.items.plans.repo = ci.Repo
	}
	a.showCI(ci)
	return ci
}

// request makes the gate's request; observed is what stands on this machine's disk.
func (q *asking) request(change string, ci wire.CI, observed []wire.Observed) wire.GateRequest {
	return wire.GateRequest{Schema: wire.GateRequestSchema, Change: change, Kind: q.kind, Environment: q.env, Stage: q.stage,
		Attempt: q.attempt, Targets: q.targets, Advisory: q.advisory, Key: q.key, CI: ci, Observed: observed}
}

// attemptKey is the idempotency key of an attempt in a pipeline: the same job that runs again gets the
// same permit, never a second one. Outside of pipelines it is random.
func attemptKey(r wire.GateRequest) string {
	if r.CI.BuildID == "" || r.CI.Repo == "" {
		return seal.NewID("key")
	}
	parts := []string{r.CI.Provider, r.CI.Repo, r.CI.BuildID, r.CI.Job, r.Environment, r.Change, r.Kind, r.Stage, strconv.FormatInt(r.Attempt, 10)}
	return "ci_" + strings.TrimPrefix(seal.Digest("plumb.attempt.v1", []byte(strings.Join(parts, "\n"))), "sha256:")
}

func (a *app) gateCheck() *cobra.Command {
	var q asking
	cmd := a.leaf("check [CHANGE]", "Ask what the gate would say; opens nothing", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		change := strings.Join(args, "")
		return a.gateEnd(change, q.kind, q.advisory, func() error {
			c, r, err := a.prepare(cmd.Context(), &q, change)
			if err != nil {
				return err
			}
			v, err := a.await(cmd.Context(), c, r, q.wait)
			if err != nil {
				return err
			}
			return a.verdict(v.Value, v.Raw)
		}())
	}, gateFormats...)
	cmd.Long = `Asks what the gate would say now. Without CHANGE the change is found by the digests of what is observed.

Files are found by themselves where a bound name stands in the present folder; flags name them otherwise.`
	q.addFlags(cmd, true)
	return cmd
}

// prepare signs in, looks at the artifacts, and makes the request.
func (a *app) prepare(ctx context.Context, q *asking, change string) (*client.Client, wire.GateRequest, error) {
	c, err := a.client(ctx)
	if err != nil {
		return nil, wire.GateRequest{}, err
	}
	ci := q.claims(a)
	observed, err := a.observe(ctx, c, q, change)
	if err != nil {
		return nil, wire.GateRequest{}, err
	}
	return c, q.request(change, ci, observed), nil
}

// heartbeat is how often a waiting gate says that it still waits.
const heartbeat = client.LongPoll

// await asks until the gate allows, says a no that waiting does not mend, or the time is over. A signal
// leaves the request open and is answered like a time that is over: pending.
func (a *app) await(ctx context.Context, c *client.Client, r wire.GateRequest, patience time.Duration) (client.Reply[wire.GateVerdict], error) {
	until := a.now().Add(patience)
	var last client.Reply[wire.GateVerdict]
	for {
		v, err := c.GateCheck(ctx, r)
		if interrupted(err) && last.Value.Code != 0 {
			a.note("Stopped waiting; the request stays open.")
			last.Value.Code, last.Raw = wire.ExitPending, nil
			return last, nil
		}
		if err != nil {
			return v, err
		}
		last = v
		left := until.Sub(a.now())
		if patience <= 0 || left <= 0 || v.Value.Code != wire.ExitPending && v.Value.Code != wire.ExitWindow {
			return v, nil
		}
		a.note("Waiting for %s: %s; %s left.", clean(v.Value.Change), whatIsOpen(v.Value), span(left))
		if err := c.GateWait(ctx, v.Value.Change, v.Value.RevDigest, min(left, heartbeat)); err != nil {
			if interrupted(err) {
				a.note("Stopped waiting; the request stays open.")
				v.Value.Code, v.Raw = wire.ExitPending, nil
				return v, nil
			}
			return v, err
		}
	}
}

// whatIsOpen sums up in a few words what a waiting gate waits for.
func whatIsOpen(v wire.GateVerdict) string {
	var parts []string
	for _, m := range v.Missing {
		parts = append(parts, m.Slot)
	}
	if v.Window != nil && !v.Window.Open {
		parts = append(parts, "the window")
	}
	for _, c := range v.Conflicts {
		if c.Severity != "info" {
			parts = append(parts, clean(c.With))
		}
	}
	return either(join(parts), "an answer")
}

func (a *app) gateOpen() *cobra.Command {
	var q asking
	var out string
	var dry bool
	cmd := a.leaf("open CHANGE", "Redeem the permit: from here on the execution counts as started", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return a.gateEnd(args[0], q.kind, q.advisory, func() error {
			c, r, err := a.prepare(cmd.Context(), &q, args[0])
			if err != nil {
				return err
			}
			if r.Key == "" {
				r.Key = attemptKey(r)
			}
			if dry || q.wait > 0 {
				v, err := a.await(cmd.Context(), c, r, q.wait)
				if err != nil || dry || v.Value.Code != wire.ExitAllowed {
					return firstOf(err, func() error { return a.verdict(v.Value, v.Raw) })
				}
			}
			v, err := c.GateOpen(cmd.Context(), r)
			if err != nil {
				return err
			}
			if v.Value.Permit != nil {
				if err := a.checkPermit(cmd.Context(), c, r, v.Value); err != nil {
					return err
				}
				if err := a.hold(c, r, v.Value, out); err != nil {
					return err
				}
			}
			return a.verdict(v.Value, v.Raw)
		}())
	}, gateFormats...)
	q.addFlags(cmd, true)
	cmd.Flags().StringVar(&out, "permit-file", "", "write the permit here as well (mode 0600)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only ask; redeem nothing")
	return cmd
}

// firstOf gives the error, or what comes next.
func firstOf(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func (a *app) gateClose() *cobra.Command {
	var report, outcome, kind, permit, note string
	var exit, attempt, fence int64
	cmd := a.remote("close [CHANGE]", "Report how an execution ended", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if report != "" {
			return a.sendReport(cmd.Context(), c, report)
		}
		r := wire.GateClose{Permit: permit, Fence: fence, Outcome: outcome, Exit: exit, Note: note}
		var file string
		if permit == "" {
			if len(args) == 0 {
				return fault.New(fault.Invalid, "usage", "Name the change, the permit, or the file with the report.").FixedBy("you").Then("%s CHG-7 --outcome success", cmd.CommandPath())
			}
			h, err := a.held(c, args[0], kind, attempt)
			if err != nil {
				return err
			}
			if h == nil {
				return fault.New(fault.NotFound, "no_permit", "No permit of %s is kept on this machine.", clean(args[0])).FixedBy("whoever opened it").
					Then("plumb change permits %s; plumb gate close --permit ID --fence N --outcome …", clean(args[0]))
			}
			r.Permit, r.Fence, file = h.Verdict.PermitID, h.Fence, h.file
		}
		if r.Outcome == "failure" && r.Exit == 0 {
			r.Exit = 1
		}
		done, err := c.GateClose(cmd.Context(), r, "close_"+r.Permit)
		if err != nil {
			return err
		}
		a.drop(file)
		return a.changed(done, "execution reported as "+r.Outcome)
	})
	f := cmd.Flags()
	f.StringVar(&report, "report", "", "file with a report that could not be sent")
	f.StringVar(&outcome, "outcome", "", "success or failure")
	f.Int64Var(&exit, "exit", 0, "exit status of the command")
	f.StringVar(&kind, "kind", wire.KindApply, "apply, rollback or plan")
	f.Int64Var(&attempt, "attempt", 1, "number of the attempt")
	f.StringVar(&permit, "permit", "", "id of the permit, else the one kept on this machine")
	f.Int64Var(&fence, "fence", 0, "fencing number of the permit, with --permit")
	f.StringVar(&note, "note", "", "one line for the record; no secrets")
	completeWords(cmd, "outcome", "success", "failure")
	return cmd
}

func (a *app) gateRenew() *cobra.Command {
	var kind, permit string
	var attempt, fence int64
	cmd := a.remote("renew [CHANGE]", "Prolong the lease of a run that takes long", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if permit == "" {
			h, err := a.held(c, strings.Join(args, ""), kind, attempt)
			if err != nil {
				return err
			}
			if h == nil {
				return fault.New(fault.NotFound, "no_permit", "No permit of that change is kept on this machine.").FixedBy("whoever opened it").Then("%s --permit ID --fence N", cmd.CommandPath())
			}
			permit, fence = h.Verdict.PermitID, h.Fence
		}
		r, err := c.GateRenew(cmd.Context(), permit, fence)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "The run may go on until %s.\n", at(r.Value.Lease))
			return err
		})
	})
	f := cmd.Flags()
	f.StringVar(&kind, "kind", wire.KindApply, "apply, rollback or plan")
	f.Int64Var(&attempt, "attempt", 1, "number of the attempt")
	f.StringVar(&permit, "permit", "", "id of the permit, else the one kept on this machine")
	f.Int64Var(&fence, "fence", 0, "fencing number of the permit, with --permit")
	return cmd
}
