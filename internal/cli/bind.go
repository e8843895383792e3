package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// fileKinds are the kinds of binding that are one file.
var fileKinds = []string{"config-file", "db-script", "runbook", "feature-flag"}

// bindPlan reads a saved plan, sends its redacted document and gives the binding.
func (a *app) bindPlan(ctx context.Context, c *client.Client, file string, o planOptions) (wire.Binding, error) {
	v, err := newVault()
	if err != nil {
		return wire.Binding{}, err
	}
	defer v.close()
	copied, digest, err := v.copy(file, maxPlanFile)
	if err != nil {
		return wire.Binding{}, err
	}
	p, err := a.showPlan(ctx, c, copied, file, o)
	if err != nil {
		return wire.Binding{}, err
	}
	r, err := c.AddDocument(ctx, "tf-plan", p.Document())
	if err != nil {
		return wire.Binding{}, err
	}
	b := r.Value
	b.Kind, b.Name, b.Digest, b.Repo, b.Base = "tf-plan", filepath.Base(file), digest, o.repo, planBase(copied)
	a.note("%s: %s", b.Name, counts(b.Plan))
	if !b.Complete {
		a.note("%s: the plan is not complete, so it is never approved automatically: %s", b.Name, p.Incomplete())
	}
	if _, reason := p.Normalized(); reason != "" {
		a.note("%s: bound by its exact bytes only. %s", b.Name, reason)
	}
	return b, nil
}

// planBase says which state a saved plan was made from; "" where it does not say.
func planBase(copied string) string {
	f, err := os.Open(copied)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	return plan.Base(f, info.Size())
}

// planOptions say how a saved plan is read.
type planOptions struct{ tool, dir, repo string }

func (a *app) showPlan(ctx context.Context, c *client.Client, copied, file string, o planOptions) (*plan.Plan, error) {
	dir := o.dir
	if dir == "" {
		dir = planDir(file)
	}
	t, err := findTool(o.tool, dir)
	if err != nil {
		return nil, err
	}
	if err := a.trustable(os.Environ()); err != nil {
		return nil, err
	}
	key, err := a.repoKey(ctx, c, o.repo)
	if err != nil {
		return nil, err
	}
	return t.read(ctx, copied, key)
}

// bindFile gives the binding of one file. Its text goes to the server for the approvers to read, unless
// it looks as if it held a secret: the document must be the very bytes, so it cannot be masked.
func (a *app) bindFile(ctx context.Context, c *client.Client, kind, file, repo string) (wire.Binding, error) {
	body, err := readWhole(file)
	if err != nil {
		return wire.Binding{}, err
	}
	b := wire.Binding{Kind: kind, Name: filepath.Base(file), Digest: seal.Raw(body), Repo: repo}
	if looksSecret(body) {
		a.note("%s: something in it looks like a secret, so only its digest is sent.", b.Name)
		return b, nil
	}
	r, err := c.AddDocument(ctx, kind, body)
	if err != nil {
		return wire.Binding{}, err
	}
	b.Document = r.Value.Document
	return b, nil
}

func looksSecret(body []byte) bool {
	text := string(body)
	return plan.Scrub(nil, text) != text || evidence.Mask(text) != text
}

func readWhole(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, fileFault(file, err)
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.Invalid, "not_a_file", "%s is not a regular file.", file).FixedBy("you").Then("ls -l %s", file)
	case info.Size() == 0:
		return nil, fault.New(fault.Invalid, "empty_file", "%s is empty; nothing is not something to run.", file).FixedBy("you").Then("ls -l %s", file)
	case info.Size() > maxArtifact:
		return nil, fault.New(fault.TooLarge, "file_too_large", "%s is larger than %d MiB.", file, maxArtifact>>20).FixedBy("you").Then("ls -lh %s", file)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, fileFault(file, err)
	}
	return body, nil
}

// commit is one commit as git has it.
type commit struct {
	id, tree, digest string
	authors          []string
}

// readCommit asks git for a commit of the repository here. The digest is SHA-256 over the commit
// object's own bytes, which name its tree and its parents.
func readCommit(ctx context.Context, rev string) (commit, error) {
	var c commit
	id, err := git(ctx, "rev-parse", "--verify", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return c, err
	}
	c.id = strings.TrimSpace(string(id))
	object, err := git(ctx, "cat-file", "commit", c.id)
	if err != nil {
		return c, err
	}
	c.digest = seal.Raw(object)
	tree, err := git(ctx, "rev-parse", c.id+"^{tree}")
	if err != nil {
		return c, err
	}
	c.tree = strings.TrimSpace(string(tree))
	span := []string{"-1", c.id}
	if _, err := git(ctx, "rev-parse", "--verify", "--quiet", c.id+"^2"); err == nil {
		span = []string{c.id + "^1.." + c.id} // a merge: everything that it brings in
	}
	who, err := git(ctx, append([]string{"log", "--format=%ae%n%ce%n%(trailers:key=Co-authored-by,valueonly)"}, span...)...)
	if err != nil {
		return c, err
	}
	c.authors = mails(string(who))
	return c, nil
}

// mails takes the addresses out of lines that are an address or "Name <address>".
func mails(text string) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if i := strings.LastIndex(l, "<"); i >= 0 {
			l = strings.TrimSuffix(strings.TrimSpace(l[i+1:]), ">")
		}
		if l = strings.ToLower(strings.TrimSpace(l)); strings.Contains(l, "@") {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = childEnv(os.Environ())
	var said bytes.Buffer
	cmd.Stderr = &limited{w: &said, left: 2048}
	out, err := cmd.Output()
	if err != nil {
		return nil, fault.New(fault.Invalid, "git_refused", "git cannot say what is checked out here.").FixedBy("you").Then("git status").From(err)
	}
	return out, nil
}

// bindCommit gives the binding of a commit.
func (a *app) bindCommit(ctx context.Context, rev, repo string) (wire.Binding, error) {
	c, err := readCommit(ctx, rev)
	if err != nil {
		return wire.Binding{}, err
	}
	if repo == "" {
		if remote, err := git(ctx, "remote", "get-url", "origin"); err == nil {
			repo = repoName(string(remote))
		}
	}
	return wire.Binding{Kind: "git-commit", Name: "commit", Digest: c.digest, Tree: c.tree, Commit: c.id, Repo: repo, Authors: c.authors}, nil
}

// observeCommit says what is checked out here. A tree with changes that are not committed is no commit
// at all, and is shown as such.
func observeCommit(ctx context.Context) (wire.Observed, error) {
	dirty, err := git(ctx, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return wire.Observed{}, err
	}
	c, err := readCommit(ctx, "HEAD")
	if err != nil {
		return wire.Observed{}, err
	}
	o := wire.Observed{Kind: "git-commit", Name: "commit", Digest: c.digest}
	if len(bytes.TrimSpace(dirty)) > 0 {
		o.Name, o.Digest = "uncommitted changes", seal.Raw(dirty)
	}
	return o, nil
}

// parseImage reads name@sha256:…; a tag alone says nothing about what will run.
func parseImage(s string) (name, digest string, err error) {
	name, digest, ok := strings.Cut(s, "@")
	if !ok || !isDigest(digest) || name == "" {
		return "", "", fault.New(fault.Invalid, "no_image_digest", "An image is named as name@sha256:…; a tag can be moved.").
			Because("binding", "").FixedBy("you").Then("docker inspect --format '{{index .RepoDigests 0}}' IMAGE")
	}
	return name, digest, nil
}

func isDigest(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}
