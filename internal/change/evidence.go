package change

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// MaxDocument is the largest document that is taken.
const MaxDocument = 100 << 20

// Evidence is what somebody brings: a document, what it is and what it is about.
type Evidence struct {
	Format  string // junit, sarif, trivy, cyclonedx, attached
	Kind    string // evidence kind it stands for; only an attached file may choose
	Subject string // digest of what was tested
	Name    string // file name, metadata only
	Masked  int    // places that whoever brings it says to have masked already
}

// AddEvidence parses a document, keeps it by digest and binds the result to its subject. A claim alone
// is never evidence: the status comes from the document. New evidence can move the change on, or turn
// its gate red; it never voids an approval.
func (d *Desk) AddEvidence(ctx context.Context, actor fault.Actor, id ID, e Evidence, body io.Reader) (r CheckResult, err error) {
	raw, err := io.ReadAll(io.LimitReader(body, MaxDocument+1))
	if err != nil {
		return r, fmt.Errorf("read evidence: %w", err)
	}
	if len(raw) > MaxDocument {
		return r, fault.New(fault.TooLarge, "document_too_large", "A document is at most %d MiB.", MaxDocument>>20).
			Then("keep the document elsewhere, and hand in a small file that names it by address and digest")
	}
	res, raw, err := parsed(e, raw)
	if err != nil {
		return r, err
	}
	if r, err = checkOf(id, e, res); err != nil {
		return r, err
	}
	if r.Blob, err = d.keep(ctx, raw); err != nil {
		return r, fmt.Errorf("keep evidence: %w", err)
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		r.ID, r.At, r.Producer, r.Person, r.Service = seal.NewID("chk"), tx.Now().UnixMicro(), actor.Account, actor.Person, actor.Kind == fault.Service
		r.N = int64(len(s.Checks)) + 1
		if err := s.addCheck(actor, r); err != nil {
			return err
		}
		if err := insertCheck(tx, r); err != nil {
			return fmt.Errorf("save evidence: %w", err)
		}
		before := s.Change.State
		s.Checks = append(s.Checks, r)
		if err := d.advance(tx, s); err != nil {
			return err
		}
		s.toReview(r.At)
		detail := map[string]any{"kind": r.Kind, "status": r.Status, "subject": r.Subject, "blob": r.Blob, "name": e.Name, "masked": res.Masked}
		if before != s.Change.State {
			detail["state"] = string(s.Change.State)
		}
		return d.save(tx, s, ledger.Event{Verb: "evidence.added", Detail: detail})
	})
	return r, err
}

// parsed reads a document, and gives it as it is kept: what looks like a secret is masked, because a report
// of failures shows what the program had in its hands. What the masked document says is the evidence; should
// masking change its verdict, it is refused.
func parsed(e Evidence, raw []byte) (*evidence.Result, []byte, error) {
	o := evidence.Options{Subject: e.Subject}
	res, err := evidence.Parse(evidence.Format(e.Format), bytes.NewReader(raw), o)
	if err != nil {
		return nil, nil, err
	}
	clean, n := evidence.Redact(raw)
	if n > 0 {
		before := res.Status
		if res, err = evidence.Parse(evidence.Format(e.Format), bytes.NewReader(clean), o); err != nil || res.Status != before {
			return nil, nil, fault.New(fault.Invalid, "secret_in_evidence", "The evidence holds something like a secret in a place where it cannot be masked.").
				From(err).At("body", "holds a secret").FixedBy("whoever runs the tests").Then("plumb evidence add CHANGE FILE, without the secret")
		}
	}
	if res.Masked = n + max(e.Masked, 0); res.Masked > maxMasked {
		res.Masked = maxMasked
	}
	return res, clean, nil
}

// maxMasked is the highest number of masked places that is told apart.
const maxMasked = 1_000_000

func checkOf(id ID, e Evidence, res *evidence.Result) (CheckResult, error) {
	parsed, err := seal.Canonical(res)
	if err != nil {
		return CheckResult{}, fmt.Errorf("encode evidence: %w", err)
	}
	kind := string(res.Kind)
	bad := fault.New(fault.Invalid, "bad_evidence", "The evidence cannot be taken.")
	if e.Kind != "" && e.Kind != kind {
		if res.Format != evidence.Attached {
			return CheckResult{}, bad.At("kind", "is what the format says; only an attached file names another")
		}
		kind = e.Kind
	}
	line(bad, "name", e.Name)
	line(bad, "kind", kind)
	if len(bad.Fields) > 0 {
		return CheckResult{}, bad
	}
	if res.Masked > 0 {
		res.Reason = fmt.Sprintf("%s (%d places masked)", res.Reason, res.Masked)
	}
	return CheckResult{Change: id, Kind: kind, Format: string(res.Format), Subject: e.Subject, Status: string(res.Status),
		Why: res.Reason, Tool: res.Tool.Name + " " + res.Tool.Version, Result: string(parsed)}, nil
}

// addCheck: evidence comes from a person or service account that may bring it, while the change is
// open, about something that the change would run. An attached file that stands for a kind which tools
// could show is signed for by Security, since nothing in it can be checked.
func (s *Snapshot) addCheck(actor fault.Actor, r CheckResult) error {
	switch {
	case slices.Contains([]State{Closed, Cancelled, Rejected}, s.Change.State):
		return fault.New(fault.Conflict, "over", "The change is %s; it takes no evidence.", s.Change.State).
			About(string(s.Change.ID)).FixedBy("its author").Then("plumb change clone %s", s.Change.ID)
	case !s.Revision.Material.bound()[r.Subject]:
		return fault.New(fault.Invalid, "wrong_subject", "The evidence is about something that this change does not run.").
			At("subject", "is not a digest, commit or tree that the current revision binds").
			Because("tested", "policy statement (c)").FixedBy("whoever runs the tests").Then("plumb change show %s", s.Change.ID)
	case r.Format == string(evidence.Attached) && r.Kind != string(evidence.AttachedFile) && !s.signsFor(actor):
		return fault.New(fault.Denied, "unsigned_evidence", "An attached file stands for %s only when Security, and not an author, attaches it.", r.Kind).
			About(string(s.Change.ID)).Because("evidence", "policy statement (c)").FixedBy("a person of Security").
			Then("plumb evidence add %s FILE --format attached --kind %s", s.Change.ID, r.Kind)
	}
	return nil
}

func (s *Snapshot) signsFor(actor fault.Actor) bool {
	_, barred := s.excluded()[actor.Person]
	return actor.IsPerson() && !barred && slices.ContainsFunc(s.securityRoles(), func(r string) bool {
		return slices.Contains(s.Roster.Roles(directory.PersonID(actor.Person)), r)
	})
}

// AddDocument keeps a document for a revision to name: a redacted plan, a configuration file, an
// attachment. It says nothing about any change yet. A plan comes back with what the server read in it. A
// document is the very bytes that people approve, so what looks like a secret in it cannot be masked: such
// a text is refused, whoever sends it. What is no text cannot be searched.
func (d *Desk) AddDocument(ctx context.Context, kind string, document io.Reader) (b Binding, err error) {
	raw, err := io.ReadAll(io.LimitReader(document, MaxDocument+1))
	if err != nil {
		return b, fmt.Errorf("read document: %w", err)
	}
	if len(raw) > MaxDocument {
		return b, fault.New(fault.TooLarge, "document_too_large", "A document is at most %d MiB.", MaxDocument>>20).
			Then("keep the document elsewhere, and hand in a small file that names it by address and digest")
	}
	b = Binding{Kind: kind, Document: seal.Raw(raw)}
	switch kind {
	case "tf-plan":
		err = readPlan(&b, raw)
	case PolicyPack:
		_, err = policy.LoadArchive(raw)
	default:
		err = holdsNoSecret(raw)
	}
	if err != nil {
		return b, err
	}
	_, err = d.keep(ctx, raw)
	return b, err
}

func holdsNoSecret(document []byte) error {
	text := string(document)
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 || plan.Scrub(nil, text) == text && evidence.Mask(text) == text {
		return nil
	}
	return fault.New(fault.Invalid, "secret_in_document", "The document holds something like a secret, and everybody who reads the change could read it.").
		At("body", "holds a secret").FixedBy("whoever wrote it").Then("plumb document add FILE, without the secret; or bind the file by its digest alone")
}

// keep stores a document, unless the same bytes are there already.
func (d *Desk) keep(ctx context.Context, raw []byte) (digest string, err error) {
	digest = seal.Raw(raw)
	if has, err := d.blobs.Has(ctx, digest); err != nil || has {
		return digest, err
	}
	digest, _, err = d.blobs.Put(ctx, bytes.NewReader(raw), MaxDocument)
	return digest, err
}

// readPlan sets what a client could lie about from the document itself.
func readPlan(b *Binding, document []byte) error {
	p, err := plan.ParseDocument(document)
	if err != nil {
		return err
	}
	n := p.Counts()
	b.Complete = p.Complete() && !p.Errored()
	b.Plan = PlanSum{Create: n.Create, Update: n.Update, Delete: n.Delete, Replace: n.Replace, Types: p.Types()}
	b.Plan.Touches, b.Plan.Whole = touched(p)
	b.Normalized, _ = p.Normalized()
	b.Shown = p.Shown()
	return nil
}

// fromDocuments replaces what a request claims about its documents by what the server reads in them:
// plan counts, completeness, and the normalized digest or that of what is shown. A plan without a document counts as incomplete, and
// any other document must be the very bytes that the binding names.
func (d *Desk) fromDocuments(ctx context.Context, m *Material) error {
	m.Bindings = slices.Clone(m.Bindings)
	list := make([]*Binding, 0, len(m.Bindings)+1)
	for i := range m.Bindings {
		list = append(list, &m.Bindings[i])
	}
	if m.Rollback.Binding != nil {
		b := *m.Rollback.Binding
		m.Rollback.Binding = &b
		list = append(list, &b)
	}
	for _, b := range list {
		b.Complete, b.Plan, b.Normalized, b.Shown = false, PlanSum{}, "", ""
		if b.Document == "" {
			continue
		}
		raw, err := d.document(ctx, b.Document)
		if err != nil {
			return err
		}
		if err := bindDocument(b, raw); err != nil {
			return err
		}
	}
	return nil
}

// bindDocument reads a plan, and asks of any other document that it is what the binding's digest names.
func bindDocument(b *Binding, document []byte) error {
	named := b.Document
	switch b.Kind {
	case "tf-plan":
		return readPlan(b, document)
	case PolicyPack:
		p, err := policy.LoadArchive(document)
		if err != nil {
			return err
		}
		named = p.Digest()
	}
	if named != b.Digest {
		return fault.New(fault.Invalid, "wrong_document", "The document is not what the binding names.").
			At("bindings", "document and digest differ")
	}
	return nil
}

func (d *Desk) document(ctx context.Context, digest string) ([]byte, error) {
	if has, err := d.blobs.Has(ctx, digest); err != nil || !has {
		if err != nil {
			return nil, fmt.Errorf("look for document: %w", err)
		}
		return nil, fault.New(fault.Invalid, "no_document", "A document that the change names is not here.").
			At("bindings.document", "was never sent").Then("plumb document add FILE")
	}
	r, err := d.blobs.Open(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("open document: %w", err)
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, MaxDocument+1))
}

// Document gives a stored document's bytes.
func (d *Desk) Document(ctx context.Context, digest string) ([]byte, error) {
	if !IsDigest(digest) {
		return nil, noDocument()
	}
	return d.document(ctx, digest)
}
