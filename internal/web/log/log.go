// Package log holds the pages of the ledger: browse it, find in it, see one event with its proof, and
// take evidence out. What these pages say proves nothing by itself; they give the files and the command
// with which somebody proves it elsewhere.
package log

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves them.
type Pages struct {
	DB     *db.DB
	Log    *ledger.Log
	People *directory.Desk
	Source prove.Source
	Temp   string // folder for evidence packs while they are written

	Exports frame.Places
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{
		{Method: "GET", Path: "/ledger", Need: directory.LedgerRead, Handle: p.browse},
		{Method: "GET", Path: "/ledger/{seq}", Need: directory.LedgerRead, Handle: p.event},
		{Method: "GET", Path: "/ledger/{seq}/proof", Need: directory.LedgerRead, Handle: p.proof},
		{Method: "POST", Path: "/ledger/export", Need: directory.Export, Handle: p.export},
	}
}

const pageSize = 50

// sheet is what the list of events shows.
type sheet struct {
	Frame   ui.Frame
	Verb    string
	Object  string
	By      string
	Found   ledger.Found
	Names   map[string]string
	People  []person
	Next    string
	First   bool
	Newest  ledger.Checkpoint
	Signed  bool // there is a checkpoint
	Exports bool
}

// person is one name to choose from.
type person struct{ ID, Name string }

func (p Pages) browse(v *frame.Visit) error {
	s := sheet{Frame: v.Frame("Ledger", "/ledger"), Verb: v.Value("verb"), Object: v.Value("object"), By: v.Value("by"), Names: map[string]string{},
		Exports: v.Can(directory.Export)}
	before, _ := strconv.ParseInt(v.Value("before"), 10, 64) // what is no number begins at the newest
	s.First = before <= 0
	err := p.DB.View(v.Ctx(), func(tx *db.Tx) (err error) {
		s.Found, err = ledger.Find(tx, ledger.Question{Verb: s.Verb, Object: s.Object, Person: s.By, Before: before, Limit: pageSize})
		return err
	})
	if err != nil {
		return err
	}
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	for _, e := range s.Found.Entries {
		s.Names[e.Leaf.Actor.Person] = r.Name(directory.PersonID(e.Leaf.Actor.Person))
		if x, known := r.Person(directory.PersonID(e.Leaf.Object.ID)); known {
			s.Names[e.Leaf.Object.ID] = x.Name
		}
	}
	for _, x := range r.People() {
		s.People = append(s.People, person{x.ID, r.Name(directory.PersonID(x.ID))})
	}
	if s.Newest, err = p.Log.Newest(v.Ctx()); err != nil && !fault.Is(err, "no_checkpoint") {
		return err
	}
	s.Signed = err == nil
	if s.Found.Next > 0 {
		s.Next = "/ledger?" + s.query(s.Found.Next)
	}
	return v.Show(s.Frame, browse(s))
}

func (s sheet) query(before int64) string {
	q := url.Values{}
	for name, value := range map[string]string{"verb": s.Verb, "object": s.Object, "by": s.By} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	return q.Encode()
}

// page is what one event shows.
type page struct {
	Frame   ui.Frame
	Entry   ledger.Entry
	Hash    string // of the leaf, base64
	By      string
	Pretty  string // the leaf, indented
	Detail  string // what it commits to, indented; "" when erased or absent
	Opens   bool   // the detail fits the commitments in the leaf
	Proof   prove.Proof
	Pending bool // not under a signed checkpoint yet
	VKey    string
}

func (p Pages) entry(v *frame.Visit) (e ledger.Entry, err error) {
	none := fault.New(fault.NotFound, "no_event", "There is no event of that number.").FixedBy("you").Then("look at the newest events")
	seq, err := strconv.ParseInt(v.R.PathValue("seq"), 10, 64)
	if err != nil || seq < 0 {
		return e, none
	}
	err = p.DB.View(v.Ctx(), func(tx *db.Tx) error {
		list, err := ledger.ReadIn(tx, seq, 1)
		if err == nil && (len(list) == 0 || list[0].Seq != seq) {
			return none
		}
		if err == nil {
			e = list[0]
		}
		return err
	})
	return e, err
}

// prove gathers the proof of an event under the newest checkpoint; pending while none covers it.
func (p Pages) proven(v *frame.Visit, e ledger.Entry) (out prove.Proof, pending bool, err error) {
	c, err := p.Log.Newest(v.Ctx())
	if fault.Is(err, "no_checkpoint") || err == nil && c.Size <= e.Seq {
		return out, true, nil
	}
	if err != nil {
		return out, false, err
	}
	hashes, err := p.Log.Inclusion(v.Ctx(), e.Seq, c.Size)
	if err != nil {
		return out, false, err
	}
	return prove.NewProof(e, c, hashes), false, nil
}

func (p Pages) event(v *frame.Visit) error {
	e, err := p.entry(v)
	if err != nil {
		return err
	}
	x := page{Frame: v.Frame(fmt.Sprintf("Event %d", e.Seq), "/ledger"), Entry: e, VKey: p.Log.VerifierKey()}
	h := tlog.RecordHash([]byte(e.Text))
	x.Hash = base64.StdEncoding.EncodeToString(h[:])
	if x.Proof, x.Pending, err = p.proven(v, e); err != nil {
		return err
	}
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	x.By = r.Name(directory.PersonID(e.Leaf.Actor.Person))
	x.Pretty, x.Detail = indented(e.Text), indented(e.Detail)
	x.Opens = opens(e)
	return v.Show(x.Frame, event(x))
}

// proof gives the proof of one event as a file.
func (p Pages) proof(v *frame.Visit) error {
	e, err := p.entry(v)
	if err != nil {
		return err
	}
	out, pending, err := p.proven(v, e)
	if err != nil {
		return err
	}
	if pending {
		return fault.New(fault.Unavailable, "not_signed_yet", "This event is not under a signed checkpoint yet.").FixedBy("nobody: the next checkpoint is signed within seconds").
			Then("try again in a moment")
	}
	text, err := seal.Canonical(out)
	if err != nil {
		return fmt.Errorf("encode proof: %w", err)
	}
	attach(v, fmt.Sprintf("event-%d.proof.json", e.Seq), "application/json", int64(len(text)))
	_, err = v.W.Write(text)
	return err
}

func attach(v *frame.Visit, name, kind string, size int64) {
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
}

// slowExport is how long an evidence pack may take.
const slowExport = 15 * time.Minute

// export gives the evidence pack of a period.
func (p Pages) export(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	var sel prove.Selection
	for name, to := range map[string]*time.Time{"from": &sel.From, "to": &sel.To} {
		t, err := time.ParseInLocation(time.DateOnly, v.Value(name), v.Zone)
		if err != nil {
			return fault.New(fault.Invalid, "bad_period", "An evidence pack needs the first and the last day.").At(name, "is a day like 2026-11-23").FixedBy("you").Then("go back and choose both")
		}
		*to = t
	}
	sel.To = sel.To.AddDate(0, 0, 1)
	sel.Withhold = v.R.PostForm["withhold"]
	leave, err := p.Exports.Take()
	if err != nil {
		return err
	}
	defer leave()
	control := http.NewResponseController(v.W)
	if err := control.SetWriteDeadline(v.Now.Add(slowExport)); err != nil {
		return fmt.Errorf("prepare export: %w", err)
	}
	pack, err := prove.Take(v.Ctx(), v.Actor, p.Temp, p.Source, sel)
	if err != nil {
		return err
	}
	info, err := pack.Stat()
	if err == nil {
		attach(v, fmt.Sprintf("plumbline-%s-%s.pack", v.Value("from"), v.Value("to")), "application/octet-stream", info.Size())
		if _, failed := io.Copy(v.W, pack); failed != nil {
			err = nil // who went away gets no page instead
		}
	}
	if dropped := pack.Drop(); err == nil {
		err = dropped
	}
	return err
}
