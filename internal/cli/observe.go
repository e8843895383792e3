package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// artifacts are what the flags of a gate command say is on this machine.
type artifacts struct {
	plan   string
	files  []string // PATH, or KIND=PATH
	images []string
	git    bool
	plans  planOptions
}

func (x *artifacts) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&x.plan, "tf-plan", "", "saved plan that will be applied")
	f.StringArrayVar(&x.files, "binding-file", nil, "file that will be run or installed; KIND=PATH where its name does not say")
	f.StringArrayVar(&x.images, "image-digest", nil, "container image that will run, name@sha256:…")
	f.BoolVar(&x.git, "git-commit", false, "present the commit that is checked out here")
	f.StringVar(&x.plans.tool, "tool", "", "terraform or tofu; else the first on PATH")
	f.StringVar(&x.plans.dir, "tf-dir", "", "folder of the configuration, else the plan's own")
	f.StringVar(&x.plans.repo, "repo", "", "repository, else as the CI environment claims")
}

// bound gives what a kind of permit releases.
func bound(m wire.Material, kind string) []wire.Binding {
	if kind != wire.KindRollback {
		return m.Bindings
	}
	if m.Rollback.Binding == nil {
		return nil
	}
	return []wire.Binding{*m.Rollback.Binding}
}

// observe looks at what the flags name, and, for a change that is named, at what stands in this folder
// under a bound name. It reports what is there, never what was approved.
func (a *app) observe(ctx context.Context, c *client.Client, q *asking, change string) ([]wire.Observed, error) {
	if q.kind == wire.KindPlan {
		return nil, nil
	}
	var want []wire.Binding
	if change != "" {
		r, err := c.Change(ctx, change)
		if err != nil && fault.Of(err).Kind != fault.NotFound {
			return nil, err
		}
		want = bound(r.Value.Material, q.kind) // one that is not there is the gate's to refuse
	}
	x := q.items
	x.fillIn(want)
	var out []wire.Observed
	if x.plan != "" {
		o, err := a.observePlan(ctx, c, x.plan, x.plans, want)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	for _, f := range x.files {
		kind, path := splitFile(f, want)
		body, err := fileDigest(path)
		if err != nil {
			return nil, err
		}
		out = append(out, wire.Observed{Kind: kind, Name: filepath.Base(path), Digest: body})
	}
	for _, image := range x.images {
		name, digest, err := parseImage(image)
		if err != nil {
			return nil, err
		}
		out = append(out, wire.Observed{Kind: "oci-image", Name: name, Digest: digest})
	}
	if x.git {
		o, err := observeCommit(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	a.tellObserved(out, want)
	return out, nil
}

// tellObserved says what is presented, and which bound things are not here to be presented.
func (a *app) tellObserved(out []wire.Observed, want []wire.Binding) {
	for _, o := range out {
		a.note("observed %s %s %s", o.Kind, clean(o.Name), brief(o.Digest))
	}
	how := map[string]string{"tf-plan": "--tf-plan FILE", "oci-image": "--image-digest NAME@sha256:…"}
	for _, b := range want {
		if !slices.ContainsFunc(out, func(o wire.Observed) bool { return o.Kind == b.Kind }) {
			a.note("not here: %s %s; present it with %s", b.Kind, clean(b.Name), either(how[b.Kind], "--binding-file FILE"))
		}
	}
}

// fillIn adds the files of this folder that bear a bound name, and the commit where one is bound.
func (x *artifacts) fillIn(want []wire.Binding) {
	for _, b := range want {
		switch {
		case b.Kind == "tf-plan" && x.plan == "" && isFileHere(b.Name):
			x.plan = b.Name
		case slices.Contains(fileKinds, b.Kind) && isFileHere(b.Name) && !slices.ContainsFunc(x.files, func(f string) bool {
			_, path := splitFile(f, want)
			return filepath.Base(path) == b.Name
		}):
			x.files = append(x.files, b.Kind+"="+b.Name)
		case b.Kind == "git-commit":
			x.git = true
		}
	}
}

func isFileHere(name string) bool {
	if name == "" || name != filepath.Base(name) {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// splitFile reads KIND=PATH. Without a kind it is that of the binding of the same name, else of the only
// file that is bound, else config-file, which then matches nothing.
func splitFile(f string, want []wire.Binding) (kind, path string) {
	for _, k := range fileKinds {
		if rest, ok := cutKind(f, k); ok {
			return k, rest
		}
	}
	var files []wire.Binding
	for _, b := range want {
		if !slices.Contains(fileKinds, b.Kind) {
			continue
		}
		if b.Name == filepath.Base(f) {
			return b.Kind, f
		}
		files = append(files, b)
	}
	if len(files) == 1 {
		return files[0].Kind, f
	}
	return "config-file", f
}

func cutKind(f, kind string) (string, bool) {
	if len(f) > len(kind)+1 && f[:len(kind)+1] == kind+"=" {
		return f[len(kind)+1:], true
	}
	return f, false
}

func fileDigest(path string) (string, error) {
	v, err := newVault()
	if err != nil {
		return "", err
	}
	defer v.close()
	_, digest, err := v.copy(path, maxArtifact)
	return digest, err
}

// observePlan hashes a private copy of a saved plan, and reads the same copy for its normalized digest, or
// for what it shows. Where the tool cannot show it, only the bytes speak.
func (a *app) observePlan(ctx context.Context, c *client.Client, file string, o planOptions, want []wire.Binding) (wire.Observed, error) {
	v, err := newVault()
	if err != nil {
		return wire.Observed{}, err
	}
	defer v.close()
	copied, digest, err := v.copy(file, maxPlanFile)
	if err != nil {
		return wire.Observed{}, err
	}
	if shownBare(want) {
		o.repo = ""
	}
	seen := wire.Observed{Kind: "tf-plan", Name: filepath.Base(file), Digest: digest, Base: planBase(copied)}
	p, err := a.showPlan(ctx, c, copied, file, o)
	if f := fault.Of(err); err != nil && f.Kind == fault.Invalid {
		a.note("%s: %s", seen.Name, f.Message)
		return seen, nil
	}
	if err != nil {
		return wire.Observed{}, err
	}
	seen.Normalized, _ = p.Normalized()
	if len(want) == 0 && p.Keyed() { // which of the two was approved is the server's to know
		o.repo = ""
		if p, err = a.showPlan(ctx, c, copied, file, o); err != nil {
			return wire.Observed{}, err
		}
	}
	seen.Shown = p.Shown()
	return seen, nil
}

// shownBare reports whether approvers read a plan that was made without the key of its repository; then it
// is read without it here as well, to compare the two.
func shownBare(want []wire.Binding) bool {
	return slices.ContainsFunc(want, func(b wire.Binding) bool { return b.Kind == "tf-plan" && b.Shown != "" })
}
