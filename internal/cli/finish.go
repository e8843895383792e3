package cli

import (
	"context"
	"path/filepath"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// heldReport is a report that could not be sent: whoever sends it later need not know more.
type heldReport struct {
	URL    string         `json:"url"`
	Change string         `json:"change"`
	Report wire.GateClose `json:"report"`
	Permit string         `json:"permit_file"`
}

// finish reports an execution. What cannot be sent is kept and shouted about, for an execution without a
// report ends as unknown.
func (a *app) finish(ctx context.Context, c *client.Client, h *heldPermit, r wire.GateClose) {
	_, err := c.GateClose(ctx, r, "close_"+r.Permit)
	if err == nil {
		a.drop(h.file)
		return
	}
	paint := a.paint(a.err)
	a.note("%s How the command ended could not be reported: %s", paint(red, "ATTENTION"), fault.Of(err).Message)
	file, keepErr := a.keepReport(heldReport{URL: c.URL(), Change: h.Verdict.Change, Report: r, Permit: h.file})
	if keepErr != nil {
		a.note("  It could not be kept either: %v", keepErr)
		a.note("  next  plumb gate close --permit %s --fence %d --outcome %s --exit %d", r.Permit, r.Fence, r.Outcome, r.Exit)
		return
	}
	a.note("  It is kept in %s. Until it is sent the outcome counts as unknown.", file)
	a.note("  next  plumb gate close --report %s", file)
}

func (a *app) keepReport(r heldReport) (string, error) {
	dir, err := a.stateDir()
	if err != nil {
		return "", err
	}
	b, err := marshal(r)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "reports", seal.NewID("report")+".json")
	return file, writePrivate(file, b)
}

// sendReport sends a kept report, as the same execution's only one.
func (a *app) sendReport(ctx context.Context, c *client.Client, file string) error {
	b, err := readPrivate(file)
	if err != nil {
		return fileFault(file, err)
	}
	var r heldReport
	if err := seal.Decode(b, &r); err != nil {
		return fault.New(fault.Invalid, "bad_report_file", "%s is not a report.", file).FixedBy("you").Then("ls -l %s", file).From(err)
	}
	if r.URL != c.URL() {
		return fault.New(fault.Invalid, "other_server", "The report belongs to %s.", clean(r.URL)).FixedBy("you").Then("plumb gate close --url %s --report %s", clean(r.URL), file)
	}
	done, err := c.GateClose(ctx, r.Report, "close_"+r.Report.Permit)
	if err != nil {
		return err
	}
	a.drop(r.Permit)
	a.drop(file)
	return a.changed(done, "execution reported as "+r.Report.Outcome)
}
