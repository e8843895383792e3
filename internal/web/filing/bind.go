package filing

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// fileKinds are the kinds of binding that are a file, in the order in which one is guessed.
var fileKinds = []string{"config-file", "runbook", "k8s-manifest", "db-script", "feature-flag", "package-set", "os-snapshot"}

// receive puts a file of a form where it belongs: into the rows of what will be run, of the way back, or
// of the attachments. The documents are kept by digest; until a change names them they say nothing.
func (p Pages) receive(ctx context.Context, w world) func(typed, file) error {
	return func(t typed, f file) error {
		switch f.field {
		case "up":
			b, err := p.bind(ctx, t.kindOf("up.kind", w, f.body), f)
			if err != nil {
				return err
			}
			if b.Repo == "" {
				b.Repo = t.get("up.repo")
			}
			t.bound(b)
		case "rb.file":
			b, err := p.bind(ctx, t.kindOf("rb.up", w, f.body), f)
			if err != nil {
				return err
			}
			for name, v := range bindingRow(b) {
				t.set("rb."+name, v)
			}
		case "attach":
			if isPlan(f.body) || isSaved(f.body) {
				return fault.New(fault.Invalid, "plan_attached", "A plan is no attachment: it holds secrets until it is redacted.").FixedBy("you").
					Then("choose the file under what will be run, where it is redacted before it is kept")
			}
			b, err := p.changes.AddDocument(ctx, "attachment", bytes.NewReader(f.body))
			if err != nil {
				return err
			}
			t.add("a", map[string]string{"name": f.name, "digest": b.Document, "size": fmt.Sprint(len(f.body))})
		}
		return nil
	}
}

// kindOf is the kind that was chosen for a file, or the first of the category that can be one.
func (t typed) kindOf(field string, w world, body []byte) string {
	if k := t.get(field); k != "" {
		return k
	}
	if isPlan(body) || isSaved(body) {
		return "tf-plan"
	}
	c, _ := w.pack.Category(t.get("category"))
	for _, k := range fileKinds {
		if slices.Contains(c.Bindings, k) {
			return k
		}
	}
	return "config-file"
}

// bound adds a binding to the rows. A saved plan goes with the row of the plan that was shown, whose place
// by the gate it takes; the same thing twice is one row.
func (t typed) bound(b change.Binding) {
	for _, row := range t.rows("b") {
		same := t.get(row+".kind") == b.Kind
		switch {
		case same && t.get(row+".digest") == b.Digest && b.Digest != "":
			t.set(row+".renew", "")
			return
		case same && b.Kind == "tf-plan" && b.Document == "" && t.get(row+".document") != "":
			t.set(row+".digest", b.Digest)
			t.set(row+".name", b.Name)
			return
		case same && b.Kind == "tf-plan" && b.Document != "" && t.get(row+".document") == "":
			b.Digest = t.get(row + ".digest")
			for name, v := range bindingRow(b) {
				t.fill(row+"."+name, v)
			}
			t.set(row+".note", noteOf(b))
			return
		}
	}
	t.add("b", bindingRow(b))
}

// bind keeps a file as a thing to run and gives its binding. A plan is redacted before anything of it is
// kept, and what looks like a secret is bound by its digest alone.
func (p Pages) bind(ctx context.Context, kind string, f file) (change.Binding, error) {
	b := change.Binding{Kind: kind, Name: f.name, Digest: seal.Raw(f.body)}
	switch {
	case kind == "tf-plan" && isSaved(f.body):
		return b, nil // it holds secrets: nothing but its digest is kept
	case kind == "tf-plan":
		return p.bindPlan(ctx, f)
	case kind == change.PolicyPack:
		return p.bindPack(ctx, f)
	case !slices.Contains(fileKinds, kind):
		return b, fault.New(fault.Invalid, "not_a_file_kind", "That kind of thing is not bound by a file.").FixedBy("you").
			Then("fill in its name and digest in the row, or choose another kind for the file")
	}
	if text := string(f.body); plan.Scrub(nil, text) != text || evidence.Mask(text) != text {
		return b, nil
	}
	kept, err := p.changes.AddDocument(ctx, kind, bytes.NewReader(f.body))
	b.Document = kept.Document
	return b, err
}

// bindPlan takes what `terraform show -json` printed, or a document that is redacted already.
func (p Pages) bindPlan(ctx context.Context, f file) (change.Binding, error) {
	document := f.body
	if !isDocument(f.body) {
		read, err := plan.Read(bytes.NewReader(f.body), plan.Options{})
		if err != nil {
			return change.Binding{}, err
		}
		document = read.Document()
	}
	b, err := p.changes.AddDocument(ctx, "tf-plan", bytes.NewReader(document))
	b.Kind, b.Name, b.Digest = "tf-plan", f.name, seal.Raw(f.body)
	return b, err
}

func (p Pages) bindPack(ctx context.Context, f file) (change.Binding, error) {
	pack, err := policy.LoadArchive(f.body)
	if err != nil {
		return change.Binding{}, err
	}
	kept, err := p.changes.AddDocument(ctx, change.PolicyPack, bytes.NewReader(f.body))
	return change.Binding{Kind: change.PolicyPack, Name: pack.Name + " " + pack.Version, Digest: pack.Digest(), Document: kept.Document}, err
}

// isPlan reports whether bytes are a plan in JSON.
func isPlan(body []byte) bool {
	head := body[:min(len(body), 4<<10)]
	return isDocument(body) || bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n\ufeff"), []byte("{")) && bytes.Contains(head, []byte(`"format_version"`)) &&
		(bytes.Contains(head, []byte(`"terraform_version"`)) || bytes.Contains(body, []byte(`"resource_changes"`)))
}

// isDocument reports whether bytes are a plan that is redacted already.
func isDocument(body []byte) bool { return bytes.HasPrefix(body, []byte(`{"applyable":`)) }

// isSaved reports whether bytes are a saved plan file: a ZIP archive whose first entry is the plan.
func isSaved(body []byte) bool {
	return bytes.HasPrefix(body, []byte("PK\x03\x04")) && bytes.Contains(body[:min(len(body), 64)], []byte("tfplan"))
}

// paste takes up what was pasted into the big box; the box is empty afterwards, unless nothing in it was
// recognised.
func (p Pages) paste(ctx context.Context, t typed) (said string, err error) {
	text := t.get("paste")
	if text == "" {
		return "", nil
	}
	f, ok := Recognise(text)
	if !ok {
		return "", fault.New(fault.Invalid, "not_recognised", "Nothing in the pasted text was recognised.").At("paste", "is no plan, and holds no address of a pull request or a build, no commit and no image digest").
			FixedBy("you").Then("fill the fields in by hand")
	}
	if f.Plan != "" {
		b, err := p.bindPlan(ctx, file{name: "plan", body: []byte(lines(f.Plan))})
		if err != nil {
			delete(t, "paste") // it may hold secrets, and goes nowhere again
			return "", err
		}
		t.bound(b)
	}
	delete(t, "paste")
	t.takeUp(f)
	said = "Found in what you pasted: " + strings.Join(f.What, ", ") + "."
	if f.Unknown > 0 {
		said += fmt.Sprintf(" %d other words were passed over.", f.Unknown)
	}
	return said, nil
}

// takeUp fills in what was found, where nothing stands yet.
func (t typed) takeUp(f Found) {
	t.fill("d.branch", f.Branch)
	t.fill("d.job_name", f.Job)
	t.fill("d.build_id", f.Build)
	t.fill("up.repo", f.Repo)
	links := t.lines("d.links")
	for _, l := range f.Links {
		if !slices.Contains(links, l) {
			links = append(links, l)
		}
	}
	t.set("d.links", strings.Join(links, "\n"))
	for _, i := range f.Images {
		t.bound(change.Binding{Kind: "oci-image", Name: i.Name, Digest: i.Digest, Repo: f.Repo})
	}
	if f.Commit != "" {
		t.commit(f.Commit, f.Repo)
	}
	if f.Digest != "" {
		t.bound(change.Binding{Kind: "tf-plan", Name: "tfplan", Digest: f.Digest, Repo: f.Repo})
	}
	for _, row := range t.rows("b") {
		if t.get(row+".renew") == "" {
			t.fill(row+".repo", f.Repo)
		}
	}
}

// commit adds a commit, whose digest only git can tell, or names the one that is there.
func (t typed) commit(id, repo string) {
	for _, row := range t.rows("b") {
		if t.get(row+".kind") == "git-commit" && (t.get(row+".commit") == "" || t.get(row+".commit") == id) {
			t.set(row+".commit", id)
			t.fill(row+".repo", repo)
			return
		}
	}
	t.add("b", map[string]string{"kind": "git-commit", "name": "commit", "commit": id, "repo": repo})
}
