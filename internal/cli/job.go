package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/wire"
)

// job is a command that is ready to run: on private copies of what was hashed.
type job struct {
	argv     []string
	observed []wire.Observed
	env      []string
	plan     *plan.Plan // of a Terraform apply
	tf       bool
	vault    *vault
}

// job prepares a command. want is what the permit should release; it tells which arguments are
// artifacts.
func (a *app) job(ctx context.Context, c *client.Client, q *asking, argv []string, want []wire.Binding, v *vault) (*job, error) {
	j := &job{argv: slices.Clone(argv), env: childEnv(os.Environ()), vault: v}
	if q.kind == wire.KindPlan {
		return j, a.planJob(j)
	}
	if isTool(argv[0]) {
		if err := a.terraformJob(ctx, c, q, j, want, v); err != nil {
			return nil, err
		}
	} else {
		if q.items.plan != "" {
			return nil, refuseTerraform("A saved plan runs only as: plumb gate run CHANGE -- terraform apply PLANFILE.")
		}
		if err := a.fileJob(j, want, v); err != nil {
			return nil, err
		}
	}
	return j, a.otherArtifacts(ctx, q, j, want, v)
}

// terraformJob copies the saved plan, hashes that copy, reads it, and puts it in the command.
func (a *app) terraformJob(ctx context.Context, c *client.Client, q *asking, j *job, want []wire.Binding, v *vault) error {
	cmd, err := parseTerraform(j.argv)
	if err != nil {
		return err
	}
	if err := a.trustable(os.Environ()); err != nil {
		return err
	}
	program, err := exec.LookPath(cmd.program)
	if err != nil {
		return notFound(cmd.program, err)
	}
	copied, digest, err := v.copy(cmd.file(), maxPlanFile)
	if err != nil {
		return err
	}
	repo := q.items.plans.repo
	if shownBare(want) {
		repo = ""
	}
	key, err := a.repoKey(ctx, c, repo)
	if err != nil && fault.Of(err).Kind != fault.Unavailable {
		return err
	}
	if program, err = filepath.Abs(program); err != nil {
		return err
	}
	if j.plan, err = (tool{path: program, dir: cmd.chdir}).read(ctx, copied, key); err != nil {
		return err
	}
	o := wire.Observed{Kind: "tf-plan", Name: filepath.Base(cmd.plan), Digest: digest, Base: planBase(copied)}
	o.Normalized, _ = j.plan.Normalized()
	o.Shown = j.plan.Shown()
	j.tf, j.observed, j.argv = true, append(j.observed, o), cmd.argv(program, copied)
	return nil
}

// planJob runs terraform plan, and nothing else, under a permit to plan: that one needs no approval, so
// it must not become a way to run anything.
func (a *app) planJob(j *job) error {
	rest := j.argv[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-chdir=") {
		rest = rest[1:]
	}
	if !isTool(j.argv[0]) || len(rest) == 0 || rest[0] != "plan" {
		return fault.New(fault.Invalid, "not_a_plan", "A permit to plan runs terraform plan or tofu plan only.").Because("terraform", "policy statement (a)").
			FixedBy("you").Then("plumb gate run CHANGE --kind plan -- terraform plan -out=tfplan")
	}
	if err := a.trustable(os.Environ()); err != nil {
		return err
	}
	program, err := exec.LookPath(j.argv[0])
	if err != nil {
		return notFound(j.argv[0], err)
	}
	j.argv[0] = program
	return nil
}

func notFound(program string, err error) error {
	return fault.New(fault.Invalid, "no_command", "There is no command %s.", clean(program)).FixedBy("you").Then("command -v %s", clean(program)).From(err)
}

// fileJob replaces, for each bound file, the first argument that is this file by its name or its digest by
// a private copy. A later argument of the same name is where the file goes to; an earlier one of that
// name is the file, whatever stands in it.
func (a *app) fileJob(j *job, want []wire.Binding, v *vault) error {
	taken := map[int]bool{}
	for _, b := range want {
		if !slices.Contains(fileKinds, b.Kind) {
			continue
		}
		for i, arg := range j.argv {
			prefix, path := fileArgument(i, arg)
			if path == "" || taken[i] {
				continue
			}
			named := filepath.Base(path) == b.Name
			copied, digest, err := v.copy(path, maxArtifact)
			if err != nil && named {
				return err
			}
			if err != nil || !named && digest != b.Digest {
				continue
			}
			taken[i], j.argv[i] = true, prefix+copied
			j.observed = append(j.observed, wire.Observed{Kind: b.Kind, Name: filepath.Base(path), Digest: digest})
			break
		}
	}
	program, err := exec.LookPath(j.argv[0])
	if err != nil {
		return notFound(j.argv[0], err)
	}
	if !taken[0] {
		j.argv[0] = program
	}
	return nil
}

// fileArgument gives the file that an argument names: the argument itself, or what follows the = of an
// option. The command's own name counts only as a path.
func fileArgument(i int, arg string) (prefix, path string) {
	path = arg
	if strings.HasPrefix(arg, "-") {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return "", ""
		}
		prefix, path = name+"=", value
	}
	if i == 0 && !strings.ContainsRune(path, filepath.Separator) {
		return "", ""
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", ""
	}
	return prefix, path
}

// otherArtifacts adds what stands in no argument: files that the command reads by itself, images, the
// commit that is checked out.
func (a *app) otherArtifacts(ctx context.Context, q *asking, j *job, want []wire.Binding, v *vault) error {
	for _, f := range q.items.files {
		kind, path := splitFile(f, want)
		copied, digest, err := v.copy(path, maxArtifact)
		if err != nil {
			return err
		}
		j.observed = append(j.observed, wire.Observed{Kind: kind, Name: filepath.Base(path), Digest: digest})
		j.env = append(j.env, "PLUMB_BINDING_FILE="+copied)
		a.note("%s was checked; its private copy is in PLUMB_BINDING_FILE for the command.", clean(filepath.Base(path)))
	}
	for _, image := range q.items.images {
		name, digest, err := parseImage(image)
		if err != nil {
			return err
		}
		j.observed = append(j.observed, wire.Observed{Kind: "oci-image", Name: name, Digest: digest})
	}
	if q.items.git || slices.ContainsFunc(want, func(b wire.Binding) bool { return b.Kind == "git-commit" }) {
		o, err := observeCommit(ctx)
		if err != nil {
			return err
		}
		j.observed = append(j.observed, o)
	}
	return nil
}
