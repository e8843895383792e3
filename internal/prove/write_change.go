package prove

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

func (p *packer) writeChanges() error {
	p.chunk = chunks{a: p.out}
	for _, id := range p.held {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		if err := p.writeChange(id); err != nil {
			return fmt.Errorf("write %s: %w", id, err)
		}
	}
	return p.chunk.flush()
}

// writeChange writes one change: its events with their words, then its rows.
func (p *packer) writeChange(id change.ID) error {
	if err := p.put(line{Change: &changeLine{ID: string(id)}}); err != nil {
		return err
	}
	err := p.eachOf(string(id), func(e ledger.Entry) error {
		x, err := p.event(e, false)
		if err != nil {
			return err
		}
		if err := p.words(&x, e); err != nil {
			return err
		}
		p.note(e.Leaf.Actor)
		return p.put(line{Event: &x})
	})
	if err != nil {
		return err
	}
	return change.RowsOf(p.tx, id, func(table string, row db.Row) error {
		r := rowOf(table, row)
		if err := p.refer(r); err != nil {
			return err
		}
		p.counts.Rows++
		r = p.withheld(r)
		return p.put(line{Row: &r})
	})
}

// put adds a line to the chunk of changes.
func (p *packer) put(x line) error {
	text, err := seal.Canonical(x)
	if err != nil {
		return err
	}
	if len(p.chunk.buf) == 0 {
		p.number++
	}
	return p.chunk.line(fmt.Sprintf("%s%06d.jsonl", changesDir, p.number), text)
}

func (p *packer) note(a ledger.LeafActor) {
	for _, id := range []string{a.Person, a.Account} {
		if id != "" {
			p.people[id] = true
		}
	}
}

// mechanical are the details of events that are no words of people: they are opened even where details
// are withheld, because they say what the gate did.
var mechanical = []string{"permit", "kind", "attempt", "fence", "observed", "outcome", "exit", "state", "approvals", "closure",
	"kept_decisions", "rev", "status", "subject", "blob"}

// naming are the details that can name a person: withheld with the names.
var naming = []string{"claimed", "name", "email", "username"}

// words adds what may be shown of an event's details: all under one salt, or some, each under its own.
func (p *packer) words(x *eventLine, e ledger.Entry) error {
	if e.Salt == "" {
		return nil // none, or erased
	}
	var all map[string]jsontext.Value
	if err := json.Unmarshal([]byte(e.Detail), &all); err != nil {
		return fmt.Errorf("read detail of event %d: %w", e.Seq, err)
	}
	hidden := func(name string) bool {
		return p.sel.withholds(Details) && !slices.Contains(mechanical, name) || p.sel.withholds(Names) && slices.Contains(naming, name)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), hidden) {
		x.Salt, x.Detail = e.Salt, []byte(e.Detail)
		return nil
	}
	salt, err := hex.DecodeString(e.Salt)
	if err != nil {
		return fmt.Errorf("read salt of event %d: %w", e.Seq, err)
	}
	x.Opened = map[string]disclose{}
	for name, value := range all {
		if !hidden(name) {
			x.Opened[name] = disclose{Salt: hex.EncodeToString(ledger.FieldSalt(salt, name)), Value: value}
		}
	}
	return nil
}

func rowOf(table string, row db.Row) rowLine {
	r := rowLine{Table: table, ID: row.ID(), Cells: map[string]string{}}
	for _, c := range row.Cells() {
		r.Cells[c.Column] = c.Value
	}
	return r
}

// hides says which rows are withheld with what: those that hold words of people, or what a pipeline
// claims about who started it. Rows that proofs are computed from are always shown.
func hides(table string, withheld []string) bool {
	details, names := slices.Contains(withheld, Details), slices.Contains(withheld, Names)
	switch table {
	case "change_comment", "change_decision":
		return details
	case "change_permit":
		return details || names
	}
	return false
}

// withheld leaves of a row what may be shown.
func (p *packer) withheld(r rowLine) rowLine {
	if !hides(r.Table, p.sel.Withhold) {
		return r
	}
	out := rowLine{Table: r.Table, ID: r.ID, Digest: r.digest()}
	if r.Table == "change_decision" {
		out.Envelope = r.text("statement")
	}
	if r.Table == "change_permit" {
		out.Envelope = r.text("envelope")
	}
	return out
}

// refer notes the documents and roles that a row refers to.
func (p *packer) refer(r rowLine) error {
	switch r.Table {
	case "change_revision":
		m, err := materialOf(r)
		if err != nil {
			return err
		}
		for _, d := range documentsOf(m) {
			p.docs[d] = true
		}
	case "change_check":
		p.docs[r.text("blob")] = true
	case "change_decision":
		var roles []string
		if err := json.Unmarshal([]byte(r.text("roles")), &roles); err != nil {
			return fmt.Errorf("read decision %s: %w", r.ID, err)
		}
		for _, role := range roles {
			p.roles[[2]string{role, r.text("person")}]++
		}
	}
	return nil
}

// materialOf reads the wording in a row of change_revision.
func materialOf(r rowLine) (m change.Material, err error) {
	if err = json.Unmarshal([]byte(r.text("canonical")), &m); err != nil {
		err = fmt.Errorf("read revision %s: %w", r.ID, err)
	}
	return m, err
}

// documentsOf lists the digests of the documents that a wording refers to.
func documentsOf(m change.Material) []string {
	var out []string
	list := slices.Clone(m.Bindings)
	if m.Rollback.Binding != nil {
		list = append(list, *m.Rollback.Binding)
	}
	for _, b := range list {
		out = append(out, b.Document)
	}
	for _, a := range m.Attachments {
		out = append(out, a.Digest)
	}
	return slices.DeleteFunc(out, func(d string) bool { return d == "" })
}

// grantID is the id of the row that grants a role to a person directly; it stands in the clear in the
// events that granted or took it.
func grantID(role, person string) string { return role + "|" + person }

// writeRoles writes the events that granted or took the roles in which people decided. Roles that came
// through a group are not among them.
func (p *packer) writeRoles() error {
	ids, persons := map[string]bool{}, map[string]bool{}
	for k := range p.roles {
		ids[grantID(k[0], k[1])], persons[k[1]] = true, k[1] != ""
	}
	var found []ledger.Entry
	for _, person := range slices.Sorted(maps.Keys(persons)) {
		err := p.eachOf(person, func(e ledger.Entry) error {
			if slices.ContainsFunc(e.Leaf.Rows, func(r [3]string) bool { return r[0] == grantTable && ids[r[1]] }) {
				found = append(found, e)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(found, func(a, b ledger.Entry) int { return int(a.Seq - b.Seq) })
	var l lines
	for _, e := range found {
		x, err := p.event(e, true)
		if err != nil {
			return err
		}
		if err := l.add(line{Event: &x}); err != nil {
			return err
		}
	}
	return p.addLines(rolesFile, l)
}

const grantTable = "directory_grant"

func (p *packer) writePeople() error {
	if p.sel.withholds(Names) {
		return nil
	}
	roster, err := p.src.People.RosterIn(p.tx)
	if err != nil {
		return fmt.Errorf("load people: %w", err)
	}
	out := people{People: []person{}, Accounts: []account{}}
	for _, id := range slices.Sorted(maps.Keys(p.people)) {
		if x, ok := roster.Person(directory.PersonID(id)); ok {
			out.People = append(out.People, person{ID: id, Name: x.Name})
			for _, a := range roster.Accounts(x.ID) {
				if p.people[string(a.ID)] {
					out.Accounts = append(out.Accounts, account{ID: string(a.ID), Person: id, Kind: string(a.Kind), Username: a.Username})
				}
			}
		}
	}
	return p.addJSON(peopleFile, out)
}

// writeDocuments writes the documents that are stored here, by digest. Each is read twice: the archive
// wants to know its size first.
func (p *packer) writeDocuments() error {
	if p.sel.withholds(Files) {
		return nil
	}
	for _, digest := range slices.Sorted(maps.Keys(p.docs)) {
		if !change.IsDigest(digest) {
			continue
		}
		has, err := p.src.Blobs.Has(p.ctx, digest)
		if err != nil {
			return fmt.Errorf("look for document: %w", err)
		}
		if !has {
			continue // Verify says that it is not here
		}
		if err := p.writeDocument(digest); err != nil {
			return fmt.Errorf("write document %s: %w", digest, err)
		}
		p.counts.Documents++
	}
	return nil
}

func (p *packer) writeDocument(digest string) error {
	size, err := p.read(digest, func(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) })
	if err != nil {
		return err
	}
	_, err = p.read(digest, func(r io.Reader) (int64, error) {
		return size, p.out.stream(docsDir+strings.TrimPrefix(digest, "sha256:"), size, r)
	})
	return err
}

func (p *packer) read(digest string, use func(io.Reader) (int64, error)) (n int64, err error) {
	r, err := p.src.Blobs.Open(p.ctx, digest)
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := r.Close(); err == nil {
			err = cerr
		}
	}()
	return use(r)
}
