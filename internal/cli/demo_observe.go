package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// stateObserved declares the project's state as a source of the inventory, and shows it for the first time: what is there then was
// there before anybody looked.
func (d *demo) stateObserved(ctx context.Context) (string, error) {
	if _, err := d.want(ctx, 0, "olga", "source", "add", "terraform", "terraform"); err != nil {
		return "", err
	}
	o, err := d.observe(ctx)
	return "the state as it was found: " + o, err
}

// observe shows the inventory what Terraform's state says now.
func (d *demo) observe(ctx context.Context) (string, error) {
	o, err := d.want(ctx, 0, "olga", "source", "push", "terraform", filepath.Join(d.dir, "project", "terraform.tfstate"))
	return lastLine(o.out), err
}

// asked runs a command as somebody, and reads its JSON.
func (d *demo) asked(ctx context.Context, into any, who string, args ...string) error {
	o, err := d.want(ctx, 0, who, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(o.out), into)
}

// until asks again and again, because differences are followed in the background; it gives up after half a minute.
func until(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it did not come about within 30 s: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// reconciled is what became of a change's approved effects, as the command prints it.
type reconciled struct {
	Ends []struct {
		End string `json:"end"`
	} `json:"ends"`
	Matches []struct {
		Disposition string `json:"disposition"`
	} `json:"matches"`
	Findings []raised `json:"findings"`
}

type raised struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	Severity string `json:"severity"`
	Path     string `json:"path"`
}

// findings lists those in a state.
func (d *demo) findings(ctx context.Context, state string) ([]raised, error) {
	var p struct {
		Items []raised `json:"items"`
	}
	err := d.asked(ctx, &p, "sam", "reconcile", "findings", "--state", state)
	return p.Items, err
}

// applyExplained shows what the approved plan made of production: each difference is traced to the change, and nothing is left over.
func (d *demo) applyExplained(ctx context.Context) (string, error) {
	seen, err := d.observe(ctx)
	if err != nil {
		return "", err
	}
	var r reconciled
	err = until(ctx, func() (bool, error) {
		err := d.asked(ctx, &r, "sam", "reconcile", "show", d.change)
		return len(r.Matches) > 0, err
	})
	if err != nil {
		return "", err
	}
	open, err := d.findings(ctx, "waiting")
	if err == nil && len(open)+len(r.Findings) > 0 {
		err = fmt.Errorf("the approved plan left %d findings", len(open)+len(r.Findings))
	}
	return fmt.Sprintf("%s %d of them explained by %s, first as %s; no finding", seen, len(r.Matches), d.change, r.Matches[0].Disposition), err
}

// rollbackExplained shows the way back: it was approved together with the way there.
func (d *demo) rollbackExplained(ctx context.Context) (string, error) {
	var before reconciled
	if err := d.asked(ctx, &before, "sam", "reconcile", "show", d.change); err != nil {
		return "", err
	}
	seen, err := d.observe(ctx)
	if err != nil {
		return "", err
	}
	var r reconciled
	err = until(ctx, func() (bool, error) {
		err := d.asked(ctx, &r, "sam", "reconcile", "show", d.change)
		return len(r.Matches) > len(before.Matches), err
	})
	if err != nil {
		return "", err
	}
	open, err := d.findings(ctx, "waiting")
	if err == nil && len(open) > 0 {
		err = fmt.Errorf("the rollback left %d findings", len(open))
	}
	return seen + " Explained by the rollback; no finding", err
}

// editFound changes production past the gate, and finds it.
func (d *demo) editFound(ctx context.Context) (string, error) {
	if err := d.terraform(ctx, "apply", "-input=false", "-auto-approve", "-var", "idle_minutes=45"); err != nil {
		return "", err
	}
	if _, err := d.observe(ctx); err != nil {
		return "", err
	}
	var open []raised
	err := until(ctx, func() (ok bool, err error) {
		open, err = d.findings(ctx, "open")
		return len(open) > 0, err
	})
	if err != nil {
		return "", err
	}
	d.found = open
	return fmt.Sprintf("terraform was run without the gate; %d findings, the first %s (%s, %s)", len(open), open[0].ID, open[0].Severity, strings.TrimSpace(open[0].Path)), nil
}

// editReverted takes it back, and proves it by what is observed then.
func (d *demo) editReverted(ctx context.Context) (string, error) {
	for _, f := range d.found {
		if _, err := d.want(ctx, 0, "olga", "reconcile", "revert", f.ID, "--reason", "nobody asked for it"); err != nil {
			return "", err
		}
	}
	if err := d.terraform(ctx, "apply", "-input=false", "-auto-approve", "-var", "idle_minutes=30"); err != nil {
		return "", err
	}
	if _, err := d.observe(ctx); err != nil {
		return "", err
	}
	var left []raised
	err := until(ctx, func() (ok bool, err error) {
		left, err = d.findings(ctx, "waiting")
		return len(left) == 0, err
	})
	if err != nil {
		return "", fmt.Errorf("%d findings are left: %w", len(left), err)
	}
	return fmt.Sprintf("production runs with 30 minutes again; %d findings are reverted, each proved by the reverse that was observed", len(d.found)), d.inProduction("30")
}
