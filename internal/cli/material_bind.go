package cli

import (
	"context"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/wire"
)

// applyBindings binds what the flags name. Bindings that are named replace all that were there: half of
// an old set and half of a new one is nothing that anybody tested.
func (w *wording) applyBindings(ctx context.Context, a *app, c *client.Client, m *wire.Material) error {
	var list []wire.Binding
	if w.plan != "" {
		b, err := a.bindPlan(ctx, c, w.plan, w.plans)
		if err != nil {
			return err
		}
		list = append(list, b)
	}
	for i, files := range [][]string{w.configs, w.scripts, w.runbooks, w.flags} {
		for _, file := range files {
			b, err := a.bindFile(ctx, c, fileKinds[i], file, w.plans.repo)
			if err != nil {
				return err
			}
			list = append(list, b)
		}
	}
	if w.commit != "" {
		b, err := a.bindCommit(ctx, w.commit, w.plans.repo)
		if err != nil {
			return err
		}
		list = append(list, b)
	}
	for _, image := range w.images {
		name, digest, err := parseImage(image)
		if err != nil {
			return err
		}
		list = append(list, wire.Binding{Kind: "oci-image", Name: name, Digest: digest, Repo: w.plans.repo})
	}
	if len(list) > 0 {
		m.Bindings = list
	}
	return w.applyRollback(ctx, a, c, m)
}

func (w *wording) applyRollback(ctx context.Context, a *app, c *client.Client, m *wire.Material) error {
	if w.backPlan != "" {
		b, err := a.bindPlan(ctx, c, w.backPlan, w.plans)
		if err != nil {
			return err
		}
		m.Rollback.Binding = &b
	}
	for i, file := range []string{w.backConfig, w.backScript, w.backRunbook} {
		if file == "" {
			continue
		}
		b, err := a.bindFile(ctx, c, fileKinds[i], file, w.plans.repo)
		if err != nil {
			return err
		}
		m.Rollback.Binding = &b
	}
	return nil
}
