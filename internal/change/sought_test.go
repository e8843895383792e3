package change_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// A pipeline that does not name the change is let through by the only one that releases what it shows. The
// gate never picks among several: the newest is not the approved one, nor the one that is meant.
func TestAChangeThatIsNotNamedIsTheOnlyOneThatCanRun(t *testing.T) {
	t.Parallel()
	o := company(t)
	own := seal.NewID("file")
	binds := func(m *change.Material) { m.Bindings[0].Digest = seal.Raw([]byte(own)) }
	shows := func() wire.GateRequest {
		q := request("")
		q.Observed[0].Digest = seal.Raw([]byte(own))
		return q
	}
	made := func() change.Change {
		t.Helper()
		m := configChange(o)
		binds(&m)
		c, err := o.File(t.Context(), o.as("ann"), m)
		must(t, err)
		_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: m.Bindings[0].Digest}, strings.NewReader(passing))
		must(t, err)
		c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
		must(t, err)
		return c
	}
	_, err := o.Check(t.Context(), o.as("ivo"), shows())
	refused(t, err, "no_matching_change")

	first := made()
	v, err := o.Check(t.Context(), o.as("ivo"), shows())
	must(t, err)
	if v.Change != string(first.ID) || v.Code != wire.ExitPending {
		t.Fatalf("verdict %+v, want what the only one lacks", v)
	}
	second := made()
	_, err = o.Check(t.Context(), o.as("ivo"), shows())
	names(t, err, first.ID, second.ID)

	o.approve(t, first, "sam", "erin")
	v, err = o.Check(t.Context(), o.as("ivo"), shows())
	must(t, err)
	if v.Change != string(first.ID) || v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want the approved one, though another is newer", v)
	}
	_, err = o.Check(t.Context(), o.as("pia"), shows()) // whom neither names
	names(t, err, first.ID, second.ID)

	o.approve(t, second, "sam", "erin")
	third := made()
	_, err = o.Open(t.Context(), o.as("ivo"), shows())
	names(t, err, first.ID, second.ID)
	if strings.Contains(fault.Of(err).Message, string(third.ID)) {
		t.Errorf("%q names %s, which releases nothing yet", fault.Of(err).Message, third.ID)
	}

	q := shows()
	q.Change = string(second.ID)
	o.opened(t, "ivo", q)
	q = shows()
	v, err = o.Open(t.Context(), o.as("ivo"), q)
	must(t, err)
	if v.Change != string(first.ID) {
		t.Fatalf("verdict %+v, want the one that is left", v)
	}
	if v.Code == wire.ExitAllowed {
		if v, err = o.Open(t.Context(), o.as("ivo"), q); err != nil || v.Change != string(first.ID) || v.Permit == nil {
			t.Errorf("a retry got %+v, %v; want the same permit", v, err)
		}
	}
	back := q
	back.Kind, back.Observed = wire.KindPlan, nil
	_, err = o.Check(t.Context(), o.as("ivo"), back)
	refused(t, err, "no_matching_change")
}

// names asks for a refusal that lists these changes.
func names(t *testing.T, err error, ids ...change.ID) {
	t.Helper()
	refused(t, err, "ambiguous_change")
	for _, id := range ids {
		if !strings.Contains(fault.Of(err).Message, string(id)) {
			t.Errorf("%q does not name %s", fault.Of(err).Message, id)
		}
	}
}

// Among very many nobody looks for the one that could run.
func TestOfMoreThanTwentyChangesOneMustBeNamed(t *testing.T) {
	t.Parallel()
	o := company(t)
	own := seal.Raw([]byte(seal.NewID("file")))
	binds := func(m *change.Material) { m.Bindings[0].Digest = own }
	q := request("")
	q.Observed[0].Digest = own
	m := configChange(o)
	binds(&m)
	var last change.Change
	for range 21 {
		c, err := o.File(t.Context(), o.as("ann"), m)
		must(t, err)
		last, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
		must(t, err)
	}
	_, err := o.AddEvidence(t.Context(), o.as("ann"), last.ID, change.Evidence{Format: "junit", Subject: own}, strings.NewReader(passing))
	must(t, err)
	o.approve(t, last, "sam", "erin")
	_, err = o.Check(t.Context(), o.as("ivo"), q)
	refused(t, err, "ambiguous_change")
	q.Change = string(last.ID)
	if got := o.code(t, "ivo", q); got != wire.ExitAllowed {
		t.Errorf("code %d for the one that is named, want 0", got)
	}
}

// What is executed is found by the digest of its bytes, and not by another name that a wording calls it.
func TestAChangeIsFoundByDigestsOnly(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := configChange(o)
	m.Bindings[0].Commit = strings.Repeat("c0ffee42", 5)
	m.Justification = "It is git:" + m.Bindings[0].Commit
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	q := request("")
	q.Observed[0].Digest, q.Observed[0].Normalized = seal.Raw([]byte(seal.NewID("file"))), "git:"+m.Bindings[0].Commit
	_, err = o.Check(t.Context(), o.as("ivo"), q)
	refused(t, err, "no_matching_change")
}
