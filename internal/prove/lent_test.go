package prove

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/ledger"
)

// handed is a lending that began so many microseconds after at0, and ended at until (0 while it lasts).
func handed(person, by string, begun, ended int64) lending {
	l := lending{Lending: directory.Lending{ID: "lnd_" + person, Account: "acc_1", Person: directory.PersonID(person), By: directory.PersonID(by), At: at0 + begun}, begun: begun, ended: ended}
	if ended != 0 {
		l.Until = at0 + ended
	}
	return l
}

// A decision counts as its issuer's too if it was made with an account that was lent.
func TestADecisionOfALentAccountCountsAsWhoeverCouldHaveMadeIt(t *testing.T) {
	t.Parallel()
	third := func(r *record) {
		d := r.decisions[1]
		d.ID, d.Person, d.At, d.event = "dec_7", "per_dana", at0+7, deed(7, "change.approved", "per_dana", someBytes)
		r.decisions = append(r.decisions, d)
		r.shell.Body.Decided, r.shell.Body.Approvals = at0+7, change.ApprovalsDigest([]string{"dec_5", "dec_6", "dec_7"})
		r.permits[0].Approvals = r.shell.Body.Approvals
	}
	lost := func(r *record) { // sam's role is another one, which fills nothing
		third(r)
		r.decisions[0].Roles = []string{"clerk"}
	}
	for name, x := range map[string]struct {
		good bool
		lent []lending
		lie  func(*record)
	}{
		"nobody's":                          {true, nil, nil},
		"the author's":                      {false, []lending{handed("per_sam", "per_ann", 2, 0)}, nil},
		"the author's, vouched for later":   {false, []lending{handed("per_sam", "per_ann", 2, 8)}, nil},
		"the author's, vouched for before":  {true, []lending{handed("per_sam", "per_ann", 2, 4)}, nil},
		"the author's, after the decision":  {true, []lending{handed("per_sam", "per_ann", 7, 0)}, nil},
		"the author's through another":      {false, []lending{handed("per_olga", "per_ann", 2, 0), handed("per_sam", "per_olga", 3, 0)}, nil},
		"the executor's":                    {false, []lending{handed("per_sam", "per_ivo", 2, 0)}, nil},
		"an officer's":                      {true, []lending{handed("per_sam", "per_olga", 2, 0)}, nil},
		"one officer's, twice":              {false, []lending{handed("per_sam", "per_olga", 2, 0), handed("per_erin", "per_olga", 3, 0)}, nil},
		"one officer's, twice of three":     {true, []lending{handed("per_sam", "per_olga", 2, 0), handed("per_erin", "per_olga", 3, 0)}, third},
		"one officer's, the first for none": {true, []lending{handed("per_sam", "per_olga", 2, 0), handed("per_erin", "per_olga", 3, 0)}, lost},
		"the other approver's":              {false, []lending{handed("per_sam", "per_erin", 2, 0)}, nil},
		"of an author":                      {false, []lending{handed("per_ann", "per_sam", 2, 0)}, nil},
		"of an author before the request":   {true, []lending{handed("per_ann", "per_sam", -5, -2)}, nil},
	} {
		r, v := replayed(), checker()
		r.shell.Created = at0 + 1
		for i := range r.decisions {
			r.decisions[i].At = r.decisions[i].leaf.TS
		}
		if x.lie != nil {
			x.lie(r)
		}
		v.lent.list = x.lent
		for _, l := range x.lent {
			v.lent.seqs = append(v.lent.seqs, l.begun)
			if l.ended != 0 {
				v.lent.seqs = append(v.lent.seqs, l.ended)
			}
		}
		slices.Sort(v.lent.seqs)
		if err := v.judgeApproval(r); (err == nil) != x.good {
			t.Errorf("authorized by accounts, one of them %s: %v", name, err)
		}
		if err := v.judgePermits(r); (err == nil) != x.good {
			t.Errorf("opened by accounts, one of them %s: %v", name, err)
		}
	}
}

// What was written down after an event says nothing about it, whatever time it bears: a clock may have been set back.
func TestALendingCountsFromItsPlaceInTheLedger(t *testing.T) {
	t.Parallel()
	v := checker()
	l := handed("per_sam", "per_ann", 2, 0)
	l.begun = 7
	v.lent.list, v.lent.seqs = []lending{l}, []int64{7}
	for seq, want := range map[int64]int{5: 1, 7: 1, 8: 2} {
		if got := selves(v.lentAt(seq), "per_sam", at0+5); len(got) != want {
			t.Errorf("before event %d sam may have been %v, want %d people", seq, got, want)
		}
	}
}

// A hundred approvals by accounts of one officer must not keep a verifier busy for ever, nor fill two slots.
func TestManyVotesOfOneHumanAreTriedInBoundedTime(t *testing.T) {
	t.Parallel()
	r, v := replayed(), checker()
	r.decisions = nil
	for i := range int64(100) {
		p := fmt.Sprintf("per_%03d", i)
		d := decision{event: deed(5+i, "change.approved", p, someBytes), ApprovalPredicate: change.ApprovalPredicate{ID: p, Rev: someBytes,
			Decision: string(change.Approval), Person: p, Roles: []string{"lead"}, At: at0 + 5 + i}}
		r.decisions = append(r.decisions, d)
		v.lent.list = append(v.lent.list, handed(p, "per_olga", 2, 0))
	}
	v.lent.seqs = []int64{2}
	if v.fill(r, r.frozen.Slots, 200).Done {
		t.Error("one human filled two slots")
	}
}

func TestALendingIsWhatItsEventsSay(t *testing.T) {
	t.Parallel()
	type shown struct {
		row rowLine
		by  []event
	}
	sealed := func(x *shown) { // the rows' digests are those of the cells, as an event of a liar would have them
		for i := range x.by {
			x.by[i].leaf.Rows = [][3]string{{lentTable, x.row.ID, "older"}}
		}
		if n := len(x.by); n > 0 {
			x.by[n-1].leaf.Rows[0][2] = x.row.digest()
		}
	}
	lasting := func(x *shown) {
		x.row.Cells["until"], x.row.Cells["voucher"], x.by = "i0", "s", x.by[:1]
	}
	for name, x := range map[string]struct {
		good bool
		lie  func(*shown)
	}{
		"vouched for":                    {true, func(*shown) {}},
		"lasting":                        {true, lasting},
		"ended by the next code":         {true, func(x *shown) { x.row.Cells["voucher"], x.by[1].leaf.Verb = "s", "account.reset" }},
		"ended with the account":         {true, func(x *shown) { x.row.Cells["voucher"], x.by[1].leaf.Verb = "s", "account.ended" }},
		"without events":                 {false, func(x *shown) { x.by = nil }},
		"of another name":                {false, func(x *shown) { x.row.Cells["id"] = "slnd_2" }},
		"by somebody else":               {false, func(x *shown) { x.row.Cells["issuer"] = "sper_ina" }},
		"of somebody else":               {false, func(x *shown) { x.row.Cells["person"] = "sper_erin" }},
		"since another instant":          {false, func(x *shown) { x.row.Cells["since"] = "i1" }},
		"begun by another deed":          {false, func(x *shown) { x.by[0].leaf.Verb = "account.vouched" }},
		"ended at another instant":       {false, func(x *shown) { x.row.Cells["until"] = fmt.Sprint("i", at0+8) }},
		"ended by nothing":               {false, func(x *shown) { x.by = x.by[:1] }},
		"lasting, but ended":             {false, func(x *shown) { x.row.Cells["until"] = "i0" }},
		"ended twice":                    {false, func(x *shown) { x.by = append(x.by[:1:1], x.by[1], x.by[1]) }},
		"ended by another deed":          {false, func(x *shown) { x.by[1].leaf.Verb = "session.ended" }},
		"ended by a deed for no voucher": {false, func(x *shown) { x.by[1].leaf.Verb = "account.reset" }},
		"vouched for by nobody":          {false, func(x *shown) { x.row.Cells["voucher"] = "s" }},
		"vouched for by another":         {false, func(x *shown) { x.row.Cells["voucher"] = "sper_ina" }},
		"vouched for by its issuer":      {false, func(x *shown) { x.row.Cells["voucher"], x.by[1].leaf.Actor.Person = "sper_olga", "per_olga" }},
		"vouched for by its person":      {false, func(x *shown) { x.row.Cells["voucher"], x.by[1].leaf.Actor.Person = "sper_sam", "per_sam" }},
	} {
		begun, ended := deed(3, "account.reset", "per_olga", ""), deed(7, "account.vouched", "per_otto", "")
		begun.leaf.Object, ended.leaf.Object = ledger.LeafObject{Type: "person", ID: "per_sam"}, ledger.LeafObject{Type: "person", ID: "per_sam"}
		s := &shown{by: []event{begun, ended}, row: rowLine{Table: lentTable, ID: "lnd_1", Cells: cells("id", "slnd_1", "account", "sacc_1", "person", "sper_sam",
			"issuer", "sper_olga", "since", fmt.Sprint("i", at0+3), "until", fmt.Sprint("i", at0+7), "voucher", "sper_otto")}}
		x.lie(s)
		sealed(s)
		if _, err := readLending(s.row, s.by); (err == nil) != x.good {
			t.Errorf("a lending %s: %v", name, err)
		}
		if s.row.Cells["until"] += "0"; len(s.by) > 0 {
			if _, err := readLending(s.row, s.by); err == nil {
				t.Errorf("a lending %s is taken though its row was edited", name)
			}
		}
	}
}

// planted is a tree of two events, and the lines of a pack that show them.
func planted(t *testing.T, v *verifier, events ...event) (out []line) {
	t.Helper()
	var hashes []tlog.Hash
	for _, e := range events {
		hashes = append(hashes, tlog.RecordHash([]byte(canonicalOf(t, e.leaf))))
	}
	v.at.Size, v.at.Root = 2, tlog.NodeHash(hashes[0], hashes[1])
	for i, e := range events {
		out = append(out, line{Event: &eventLine{Seq: int64(i), Leaf: []byte(canonicalOf(t, e.leaf)), Proof: []string{hashes[1-i].String()}}})
	}
	return out
}

func TestWhatAPackShowsOfLentAccountsIsWholeAndInOrder(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		good bool
		lie  func(v *verifier, list []line) []line
	}{
		"as written":        {true, func(_ *verifier, l []line) []line { return l }},
		"not announced":     {false, func(v *verifier, l []line) []line { v.m.Lendings = false; return l }},
		"an event unproved": {false, func(_ *verifier, l []line) []line { l[0].Event.Proof = nil; return l }},
		"an event's proof of another": {false, func(_ *verifier, l []line) []line {
			l[0].Event.Proof = []string{tlog.RecordHash(nil).String()}
			return l
		}},
		"an event with words":            {false, func(_ *verifier, l []line) []line { l[0].Event.Salt = "00"; return l }},
		"an event with words opened":     {false, func(_ *verifier, l []line) []line { l[0].Event.Opened = map[string]disclose{"a": {}}; return l }},
		"an event with detail":           {false, func(_ *verifier, l []line) []line { l[0].Event.Detail = []byte(`{"a":1}`); return l }},
		"events in another order":        {false, func(_ *verifier, l []line) []line { return []line{l[1], l[0], l[2], l[3]} }},
		"an event twice":                 {false, func(_ *verifier, l []line) []line { return slices.Insert(l, 1, l[0]) }},
		"an event behind a row":          {false, func(_ *verifier, l []line) []line { return []line{l[0], l[2], l[1], l[3]} }},
		"a change":                       {false, func(_ *verifier, l []line) []line { return append(l, line{Change: &changeLine{ID: someID}}) }},
		"a row of another table":         {false, func(_ *verifier, l []line) []line { l[2].Row.Table = "directory_grant"; return l }},
		"a row without cells":            {false, func(_ *verifier, l []line) []line { l[2].Row.Digest, l[2].Row.Cells = l[2].Row.digest(), nil; return l }},
		"a row with its digest":          {false, func(_ *verifier, l []line) []line { l[2].Row.Digest = l[2].Row.digest(); return l }},
		"a row with a statement":         {false, func(_ *verifier, l []line) []line { l[2].Row.Envelope = "{}"; return l }},
		"a row with a file":              {false, func(_ *verifier, l []line) []line { l[2].Row.File = "x"; return l }},
		"a row twice":                    {false, func(_ *verifier, l []line) []line { return append(l, l[2]) }},
		"a row edited":                   {false, func(_ *verifier, l []line) []line { l[2].Row.Cells["issuer"] = "sper_ina"; return l }},
		"a row missing, the newest":      {false, func(_ *verifier, l []line) []line { return l[:3] }},
		"a row missing, with its events": {false, func(_ *verifier, l []line) []line { return l[1:3] }},
	} {
		v := checker()
		v.m.Lendings = true
		row := func(id, person string, at int64) *rowLine {
			return &rowLine{Table: lentTable, ID: id, Cells: cells("id", "s"+id, "account", "sacc_1", "person", "s"+person, "issuer", "sper_olga",
				"since", fmt.Sprint("i", at0+at), "until", "i0", "voucher", "s")}
		}
		rows := []*rowLine{row("lnd_1", "per_sam", 1), row("lnd_2", "per_erin", 2)}
		var events []event
		for i, person := range []string{"per_sam", "per_erin"} {
			e := deed(int64(i+1), "account.reset", "per_olga", "")
			e.leaf.Object, e.leaf.Rows = ledger.LeafObject{Type: "person", ID: person}, [][3]string{{lentTable, rows[i].ID, rows[i].digest()}}
			events = append(events, e)
		}
		list := append(planted(t, v, events...), line{Row: rows[0]}, line{Row: rows[1]})
		var b lines
		for _, l := range x.lie(v, list) {
			if err := b.add(l); err != nil {
				t.Fatal(err)
			}
		}
		if v.lendings(b.buf); v.report.Whole() != x.good {
			t.Errorf("%s: %v", name, v.report.Faults)
		}
		if name == "an event's proof of another" && v.lent.shows(0) {
			t.Errorf("%s: it counts as shown", name)
		}
		if x.good && (len(v.lent.list) != 2 || !v.lent.shows(1) || v.lent.shows(2)) {
			t.Errorf("%s: shows %+v", name, v.lent)
		}
	}
}
