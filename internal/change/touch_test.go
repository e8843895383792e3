package change_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// planned is an authorized change that applies a plan of a repository; each resource is "op address", with
// the address type.name or module.m.type.name.
func (o *office) planned(t *testing.T, repo string, resources ...string) (change.Change, wire.GateRequest) {
	t.Helper()
	actions := map[string]string{"create": `"create"`, "update": `"update"`, "delete": `"delete"`, "replace": `"delete","create"`}
	var rows []string
	for _, r := range resources {
		op, address, _ := strings.Cut(r, " ")
		part := strings.Split(address, ".")
		module := ""
		if n := len(part); n > 2 {
			module = fmt.Sprintf(`"module_address":%q,`, strings.Join(part[:n-2], "."))
			part = part[n-2:]
		}
		before, after := `{"size":1}`, `{"size":2}`
		if op == "create" {
			before = "null"
		}
		if op == "delete" {
			after = "null"
		}
		rows = append(rows, fmt.Sprintf(`{"address":%q,%s"mode":"managed","type":%q,"name":%q,"provider_name":"registry.terraform.io/hashicorp/aws",`+
			`"change":{"actions":[%s],"before":%s,"after":%s,"after_unknown":{},"before_sensitive":false,"after_sensitive":{}}}`,
			address, module, part[0], part[1], actions[op], before, after))
	}
	raw := `{"format_version":"1.2","terraform_version":"1.9.0","complete":true,"applyable":true,"errored":false,"resource_changes":[` + strings.Join(rows, ",") + `]}`
	p, err := plan.Read(strings.NewReader(raw), plan.Options{Key: bytes.Repeat([]byte{3}, 32)})
	must(t, err)
	b, err := o.AddDocument(t.Context(), "tf-plan", bytes.NewReader(p.Document()))
	must(t, err)
	b.Name, b.Digest, b.Repo = "tfplan", seal.Raw([]byte(seal.NewID("plan"))), repo
	m := configChange(o)
	m.Bindings, m.Rollback = []change.Binding{b}, change.Rollback{Text: "apply the plan before"}
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: b.Digest}, strings.NewReader(passing))
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	o.approve(t, c, "sam", "erin")
	q := request(c.ID)
	q.Observed = []wire.Observed{{Kind: "tf-plan", Name: "tfplan", Digest: b.Digest, Normalized: b.Normalized}}
	return c, q
}

// Two changes that touch one resource of one state meet, though their people wrote nothing about it: what
// they touch is read in their plans.
func TestPlansThatTouchTheSameResourceCollide(t *testing.T) {
	t.Parallel()
	o := company(t)
	for name, x := range map[string]struct{ first, second, severity, text string }{
		"both update it":             {"update aws_instance.web", "update aws_instance.web", "ack", "touches the same"},
		"one deletes it":             {"update aws_instance.web", "delete aws_instance.web", "block", "authorized first"},
		"the other replaces it":      {"replace aws_instance.web", "update aws_instance.web", "block", "authorized first"},
		"beside it, one deletes":     {"delete module.db.aws_instance.a", "update module.db.aws_instance.b", "ack", "beside"},
		"beside it, nobody deletes":  {"update module.db.aws_instance.a", "update module.db.aws_instance.b", "info", "beside"},
		"in another module":          {"delete module.db.aws_instance.a", "update module.web.aws_instance.a", "", ""},
		"elsewhere in the same root": {"delete aws_instance.a", "update aws_instance.b", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			repo := seal.NewID("repo")
			first, _ := o.planned(t, repo, x.first)
			_, q := o.planned(t, repo, x.second)
			v, err := o.Check(t.Context(), o.as("ivo"), q)
			must(t, err)
			switch {
			case x.severity == "":
				if len(v.Conflicts) > 0 {
					t.Errorf("conflicts %+v, want none", v.Conflicts)
				}
			case len(v.Conflicts) != 1 || v.Conflicts[0].With != string(first.ID) || v.Conflicts[0].Severity != x.severity || !strings.Contains(v.Conflicts[0].Text, x.text):
				t.Errorf("conflicts %+v, want %s with %s", v.Conflicts, x.severity, first.ID)
			}
			if open := x.severity == "" || x.severity == "info"; (v.Code == wire.ExitAllowed) != open {
				t.Errorf("code %d", v.Code)
			}
		})
	}
}

// Of two changes that exclude each other the one that was authorized first can go, and the other when it is
// done or cancelled: neither waits for ever, and nobody can wave it through.
func TestWhatDeletesIsExclusiveForWhoWasAuthorizedFirst(t *testing.T) {
	t.Parallel()
	o := company(t)
	repo := seal.NewID("repo")
	first, q1 := o.planned(t, repo, "delete aws_instance.web", "update aws_instance.api")
	second, q2 := o.planned(t, repo, "update aws_instance.web")
	elsewhere, q3 := o.planned(t, seal.NewID("repo"), "delete aws_instance.web")
	if got := o.code(t, "ivo", q3); got != wire.ExitAllowed {
		t.Errorf("code %d for %s, want 0: it is another state", got, elsewhere.ID)
	}
	_, err := o.Acknowledge(t.Context(), o.as("sam"), second.ID, string(first.ID), "let it")
	refused(t, err, "no_conflict")
	x, err := o.ExplainChange(t.Context(), second.ID)
	must(t, err)
	if len(x.Conflicts) != 1 || x.Conflicts[0].Severity != "block" || !strings.Contains(x.Conflicts[0].Text, "aws_instance.web") {
		t.Errorf("explained %+v, want the block and what it is about", x.Conflicts)
	}
	_, err = o.Acknowledge(t.Context(), o.as("sam"), first.ID, string(second.ID), "this goes first")
	must(t, err)
	if got := o.code(t, "ivo", q1); got != wire.ExitAllowed {
		t.Errorf("code %d for who was first, want 0", got)
	}
	if got := o.code(t, "ivo", q2); got != wire.ExitWindow {
		t.Errorf("code %d for who was later, want 6", got)
	}
	_, err = o.Cancel(t.Context(), o.as("ann"), first.ID, "not needed")
	must(t, err)
	if got := o.code(t, "ivo", q2); got != wire.ExitAllowed {
		t.Errorf("code %d after the first was cancelled, want 0", got)
	}
}

// A plan that touches more than it lists is taken to touch everything of its state.
func TestAPlanTooLongToListMeetsEveryOtherOfItsState(t *testing.T) {
	t.Parallel()
	o := company(t)
	repo := seal.NewID("repo")
	var many []string
	for i := range 401 {
		many = append(many, fmt.Sprintf("update aws_instance.n%03d", i))
	}
	small, q := o.planned(t, repo, "update aws_instance.zz")
	large, all := o.planned(t, repo, many...)
	for _, x := range []struct {
		q    wire.GateRequest
		with change.ID
	}{{q, large.ID}, {all, small.ID}} {
		v, err := o.Check(t.Context(), o.as("ivo"), x.q)
		must(t, err)
		if len(v.Conflicts) != 1 || v.Conflicts[0].With != string(x.with) || v.Conflicts[0].Severity != "ack" {
			t.Errorf("conflicts %+v of %s, want to acknowledge %s", v.Conflicts, x.q.Change, x.with)
		}
	}
	v, err := o.Show(t.Context(), large.ID)
	must(t, err)
	if p := v.Material.Bindings[0].Plan; len(p.Touches) != 400 || !p.Whole {
		t.Errorf("%d resources are listed, whole %v", len(p.Touches), p.Whole)
	}
}

// A resource of which several attributes change is touched once.
func TestAResourceIsListedOnceWithAllItsEffects(t *testing.T) {
	t.Parallel()
	o := company(t)
	const raw = `{"format_version":"1.2","terraform_version":"1.9.0","complete":true,"applyable":true,"errored":false,"resource_changes":[` +
		`{"address":"aws_instance.web","previous_address":"aws_instance.old","mode":"managed","type":"aws_instance","name":"web",` +
		`"provider_name":"registry.terraform.io/hashicorp/aws","change":{"actions":["update"],"before":{"size":1,"zone":"a"},` +
		`"after":{"size":2,"zone":"b"},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}}}]}`
	p, err := plan.Read(strings.NewReader(raw), plan.Options{Key: bytes.Repeat([]byte{3}, 32)})
	must(t, err)
	b, err := o.AddDocument(t.Context(), "tf-plan", bytes.NewReader(p.Document()))
	must(t, err)
	if len(b.Plan.Touches) != 1 || b.Plan.Touches[0] != (change.Touch{Address: "aws_instance.web", Op: "update"}) {
		t.Errorf("touches %+v, want the one resource, updated", b.Plan.Touches)
	}
}
