package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func (a *app) gateRun() *cobra.Command {
	var q asking
	cmd := a.leaf("run CHANGE -- COMMAND...", "Open the permit, run the command on exactly what was approved, report how it ended", cobra.ArbitraryArgs,
		func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() != 1 || len(args) < 2 {
				return fault.New(fault.Invalid, "usage", "gate run takes one change, then -- and the command.").FixedBy("you").Then("%s CHG-7 -- terraform apply tfplan", cmd.CommandPath())
			}
			return a.gateEnd(args[0], q.kind, false, a.run(cmd.Context(), &q, args[0], args[1:]))
		}, gateFormats...)
	cmd.Long = `Opens the permit, runs COMMAND, and reports how it ended.

For terraform apply PLANFILE (or tofu) the plan is copied to a private folder, that copy is hashed and
applied, and each resource leaves a receipt. For other commands each argument that is a bound file is
replaced by a private copy that was hashed. The command sees nothing of the token; what looks like a
secret is masked in its output. On any doubt nothing runs.

A command that fails ends with exit 10; -o json has its own status in "exit".`
	cmd.Example = `  plumb gate run CHG-7 -- terraform apply tfplan
  plumb gate run CHG-8 -- install -m 644 nginx.conf /etc/nginx/nginx.conf
  plumb gate run CHG-8 --kind rollback -- sh rollback.sh`
	q.addFlags(cmd, false)
	cmd.Flags().DurationVar(&q.wait, "wait", 0, "wait so long for approvals, checks or the window")
	return cmd
}

func (a *app) run(ctx context.Context, q *asking, change string, argv []string) error {
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	ci := q.claims(a)
	held, err := a.held(c, change, q.kind, q.attempt)
	if err != nil {
		return err
	}
	if !held.usable(a.now()) {
		held = nil // the server decides; used or expired is no permit
	}
	want, err := a.wanted(ctx, c, q, change, held)
	if err != nil {
		return err
	}
	v, err := newVault()
	if err != nil {
		return err
	}
	defer v.close()
	j, err := a.job(ctx, c, q, argv, want, v)
	if err != nil {
		return err
	}
	h, err := a.permit(ctx, c, q, q.request(change, ci, j.observed), held)
	if err != nil {
		return err
	}
	if err := h.started(); err != nil {
		return err
	}
	return a.execute(ctx, c, j, h)
}

// wanted gives the bindings that the permit should release: as the server has them, or, with the server
// down, as the permit in hand has them.
func (a *app) wanted(ctx context.Context, c *client.Client, q *asking, change string, held *heldPermit) ([]wire.Binding, error) {
	r, err := c.Change(ctx, change)
	if err == nil || fault.Of(err).Kind == fault.NotFound {
		return bound(r.Value.Material, q.kind), nil // one that is not there is the gate's to refuse
	}
	if held == nil || fault.Of(err).Kind != fault.Unavailable {
		return nil, err
	}
	p, readErr := predicate(held.Verdict)
	return p.Bindings, readErr
}

// permit opens the permit and verifies it here. With the server down only a permit that was given to
// this machine before, for this very attempt, counts, and only until it expires.
func (a *app) permit(ctx context.Context, c *client.Client, q *asking, r wire.GateRequest, held *heldPermit) (*heldPermit, error) {
	if r.Key == "" {
		r.Key = seal.NewID("key") // random: two runs of one pipeline must not share a permit
	}
	if held != nil {
		r.Key = held.Key
	} else if q.wait > 0 {
		v, err := a.await(ctx, c, r, q.wait)
		if err != nil {
			return nil, err
		}
		if v.Value.Code != wire.ExitAllowed {
			return nil, a.verdict(v.Value, v.Raw)
		}
	}
	v, err := c.GateOpen(ctx, r)
	switch {
	case err != nil && held != nil && fault.Of(err).Kind == fault.Unavailable:
		a.note("The server is down; going on with the permit that was opened before, valid until %s.", held.Verdict.Expires.UTC().Format("15:04Z"))
		return held, a.checkPermit(ctx, c, r, held.Verdict)
	case err != nil:
		return nil, err
	case v.Value.Verdict != wire.Allow || v.Value.Code != wire.ExitAllowed:
		if v.Value.Code == wire.ExitAllowed {
			v.Value.Code, v.Raw = wire.ExitDenied, nil // a no with the code of a yes is a no
		}
		return nil, a.verdict(v.Value, v.Raw)
	}
	if err := a.checkPermit(ctx, c, r, v.Value); err != nil {
		a.abandon(ctx, c, v.Value, err)
		return nil, err
	}
	if err := a.hold(c, r, v.Value, ""); err != nil {
		return nil, err
	}
	return a.mustHold(c, v.Value.Change, r)
}

func (a *app) mustHold(c *client.Client, change string, r wire.GateRequest) (*heldPermit, error) {
	h, err := a.held(c, change, r.Kind, r.Attempt)
	if err == nil && h == nil {
		err = errors.New("the permit could not be kept")
	}
	return h, err
}

// abandon reports an execution that was opened and does not run, so that nobody waits for its end.
func (a *app) abandon(ctx context.Context, c *client.Client, v wire.GateVerdict, why error) {
	p, err := predicate(v)
	if err == nil {
		_, err = c.GateClose(context.WithoutCancel(ctx), wire.GateClose{Permit: v.PermitID, Fence: p.Fence, Outcome: "failure", Exit: 1,
			Note: short(fault.Of(why).Message)}, "close_"+v.PermitID)
	}
	if err != nil {
		a.note("The opened permit could not be reported as not used: %v", err)
	}
}

// short makes one line that the server takes.
func short(s string) string {
	s = clean(s)
	for len(s) > 280 {
		s = shorten(s, len([]rune(s))*3/4)
	}
	return s
}
