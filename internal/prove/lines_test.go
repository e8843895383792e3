package prove

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// This file takes the readers of a pack's members one by one, like judge_test.go its judges.

// written writes lines as a pack has them.
func written(t *testing.T, list ...line) []byte {
	t.Helper()
	var b strings.Builder
	for _, x := range list {
		b.WriteString(canonicalOf(t, x) + "\n")
	}
	return []byte(b.String())
}

// tree signs nothing: it gives a verifier the checkpoint over these leaves, and the proof of each.
func tree(v *verifier, leaves ...ledger.Leaf) (out []eventLine) {
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) (list []tlog.Hash, err error) {
		for _, i := range at {
			list = append(list, hashes[i])
		}
		return list, nil
	})
	texts := make([][]byte, len(leaves))
	for i, l := range leaves {
		texts[i], _ = seal.Canonical(l)
		more, _ := tlog.StoredHashes(int64(i), texts[i], read)
		hashes = append(hashes, more...)
	}
	n := int64(len(leaves))
	v.at.Size = n
	v.at.Root, _ = tlog.TreeHash(n, read)
	for i := range leaves {
		proof, _ := tlog.ProveRecord(n, int64(i), read)
		out = append(out, eventLine{Seq: int64(i), Leaf: texts[i], Proof: hashesText(proof)})
	}
	return out
}

// found gives the kinds of fault that a verifier noted.
func (v *verifier) found() string {
	var out []string
	for _, f := range v.report.Faults {
		out = append(out, f.What)
	}
	return strings.Join(out, " ")
}

func TestEachLineSaysOneThingInOneSpelling(t *testing.T) {
	t.Parallel()
	good := line{Change: &changeLine{ID: someID}}
	for name, x := range map[string]struct{ text, fault string }{
		"":               {string(written(t, good)), ""},
		"no end":         {strings.TrimSpace(string(written(t, good))), "member"},
		"no JSON":        {"[\n", "member"},
		"nothing":        {"{}\n", "member"},
		"two things":     {string(written(t, line{Change: good.Change, Row: &rowLine{Table: "a", ID: "b"}})), "member"},
		"another writer": {" " + string(written(t, good)), "member"},
	} {
		v := checker()
		v.eachLine("x", []byte(x.text), func(line) bool { return true })
		if got := v.found(); got != x.fault {
			t.Errorf("%q: %s, want %s", name, got, x.fault)
		}
	}
}

func TestChangesStandInTheOrderOfTheirNumbers(t *testing.T) {
	t.Parallel()
	begin := func(id string) line { return line{Change: &changeLine{ID: id}} }
	row := line{Row: &rowLine{Table: "change_comment", ID: "c"}}
	for name, x := range map[string]struct {
		list  []line
		fault string
	}{
		"":                  {[]line{begin(someID)}, ""},
		"a row before":      {[]line{row, begin(someID)}, "member"},
		"no number":         {[]line{begin("CHG-1")}, "change"},
		"the same again":    {[]line{begin(someID), begin(someID)}, "change"},
		"an earlier one":    {[]line{begin("CHG-000002"), begin(someID)}, "change"},
		"more than is read": {[]line{begin(someID), row}, "too_large"},
	} {
		v := checker()
		if name == "more than is read" {
			v.changes("x", written(t, x.list[0]))
			v.told.story.bytes = maxStory + 1
			x.list = x.list[1:]
		}
		v.changes("x", written(t, x.list...))
		v.told.story = nil
		if got := v.report.Faults; (len(got) > 0) != (x.fault != "") || len(got) > 0 && got[len(got)-1].What != x.fault {
			t.Errorf("%q: %s, want %s", name, v.found(), x.fault)
		}
	}
}

func TestAnEventIsAboutItsChangeInOrderAndProved(t *testing.T) {
	t.Parallel()
	leaf := deed(1, "change.held", "per_ann", "").leaf
	other := leaf
	other.Object.ID = "CHG-000002"
	for name, x := range map[string]struct {
		fault string
		lie   func(*verifier, *story, *eventLine)
	}{
		"":                        {"", func(*verifier, *story, *eventLine) {}},
		"about another":           {"event", func(v *verifier, _ *story, e *eventLine) { *e = tree(v, other, other)[1] }},
		"not after the last":      {"event", func(_ *verifier, s *story, _ *eventLine) { s.events = []event{{seq: 1}} }},
		"proved beside a run":     {"event", func(v *verifier, _ *story, _ *eventLine) { v.m.Run = &run{First: 0, Last: 1} }},
		"unproved outside of one": {"event event", func(_ *verifier, _ *story, e *eventLine) { e.Proof = nil }},
		"at another place":        {"event", func(_ *verifier, _ *story, e *eventLine) { e.Seq = 0 }},
		"before the first":        {"event", func(_ *verifier, _ *story, e *eventLine) { e.Seq = -1 }},
		"after the last":          {"event", func(_ *verifier, _ *story, e *eventLine) { e.Seq = 2 }},
		"of no form":              {"event", func(_ *verifier, _ *story, e *eventLine) { e.Leaf = jsontext.Value(`{}x`) }},
		"proved by no hashes":     {"event", func(_ *verifier, _ *story, e *eventLine) { e.Proof = []string{"x"} }},
	} {
		v, s := checker(), &story{id: someID}
		e := tree(v, other, leaf)[1]
		x.lie(v, s, &e)
		v.addEvent(s, e)
		if got := v.found(); got != x.fault {
			t.Errorf("%q: %s, want %s", name, got, x.fault)
		}
	}
}

func TestAHashHasOneSpelling(t *testing.T) {
	t.Parallel()
	good := tlog.Hash{1}.String()
	if _, err := parseHashes([]string{good}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"", "x", base64.StdEncoding.EncodeToString(make([]byte, 31)), good[:20] + "\n" + good[20:], good[:len(good)-2] + "B="} {
		if _, err := parseHashes([]string{s}); err == nil {
			t.Errorf("%q passes for a hash", s)
		}
	}
}

func TestWordsAreThoseThatTheEventCommittedTo(t *testing.T) {
	t.Parallel()
	salt := []byte("jklmnopqrstuvwxy")
	field := ledger.FieldSalt(salt, "why")
	value := jsontext.Value(`"because"`)
	for name, x := range map[string]struct {
		fault string
		line  eventLine
	}{
		"all":                      {"", eventLine{Salt: hex.EncodeToString(salt), Detail: jsontext.Value(`{"why":"because"}`)}},
		"one":                      {"", eventLine{Opened: map[string]disclose{"why": {Salt: hex.EncodeToString(field), Value: value}}}},
		"none":                     {"", eventLine{}},
		"other words":              {"detail", eventLine{Salt: hex.EncodeToString(salt), Detail: jsontext.Value(`{"why":"so"}`)}},
		"another spelling of salt": {"detail", eventLine{Salt: strings.ToUpper(hex.EncodeToString([]byte("jklmnojklmnojklm"))), Detail: jsontext.Value(`{"why":"because"}`)}},
		"a salt in capitals":       {"detail", eventLine{Salt: strings.ToUpper(hex.EncodeToString(salt)), Detail: jsontext.Value(`{"why":"because"}`)}},
		"no object":                {"detail", eventLine{Salt: hex.EncodeToString(salt), Detail: jsontext.Value(`[]`)}},
		"one other word":           {"detail", eventLine{Opened: map[string]disclose{"why": {Salt: hex.EncodeToString(field), Value: jsontext.Value(`"so"`)}}}},
		"a short salt":             {"detail", eventLine{Opened: map[string]disclose{"why": {Salt: hex.EncodeToString(field[:31]), Value: value}}}},
		"a salt and no words":      {"detail", eventLine{Salt: hex.EncodeToString(salt)}},
		"words and no salt":        {"detail", eventLine{Detail: jsontext.Value(`{"why":"because"}`)}},
		"told in two ways": {"detail", eventLine{Salt: hex.EncodeToString(salt), Detail: jsontext.Value(`{"why":"because"}`),
			Opened: map[string]disclose{"why": {Salt: hex.EncodeToString(field), Value: value}}}},
		"one, and a salt": {"detail", eventLine{Salt: hex.EncodeToString(salt), Opened: map[string]disclose{"why": {Salt: hex.EncodeToString(field), Value: value}}}},
	} {
		v := checker()
		e := event{leaf: ledger.Leaf{Commit: map[string]string{"why": ledger.Commitment(field, "why", value)}}}
		v.words("x", &e, x.line)
		if got := v.found(); got != x.fault {
			t.Errorf("%s: %q, want %q", name, got, x.fault)
		}
	}
	// A commitment made with a salt of another length holds, and is refused all the same.
	short := []byte("short")
	v, e := checker(), event{leaf: ledger.Leaf{Commit: map[string]string{"why": ledger.Commitment(short, "why", value)}}}
	v.words("x", &e, eventLine{Opened: map[string]disclose{"why": {Salt: hex.EncodeToString(short), Value: value}}})
	if v.found() != "detail" {
		t.Errorf("a commitment with a short salt: %q, want detail", v.found())
	}
}

func TestEachRowIsAnsweredForByItsLastEvent(t *testing.T) {
	t.Parallel()
	row := rowLine{Table: "change_comment", ID: "cmt_1", Cells: cells("id", "scmt_1", "change_id", "s"+someID)}
	for name, x := range map[string]struct {
		fault string
		lie   func(*verifier, *story)
	}{
		"":                     {"", func(*verifier, *story) {}},
		"answered for by none": {"row_inserted", func(_ *verifier, s *story) { s.events[0].leaf.Rows = nil }},
		"deleted":              {"row_inserted", func(_ *verifier, s *story) { s.events[0].leaf.Rows[0][2] = "" }},
		"edited":               {"row_edited", func(_ *verifier, s *story) { s.events[0].leaf.Rows[0][2] = "00" }},
		"left out":             {"row_deleted", func(_ *verifier, s *story) { s.rows = nil }},
		"with a digest too":    {"row", func(_ *verifier, s *story) { s.rows[0].Digest = "x" }},
		"with an envelope":     {"row", func(_ *verifier, s *story) { s.rows[0].Envelope = "x" }},
		"with a file":          {"row", func(_ *verifier, s *story) { s.rows[0].File = "x" }},
		"withheld, undeclared": {"row", func(_ *verifier, s *story) {
			s.rows[0] = rowLine{Table: row.Table, ID: row.ID, Digest: s.events[0].leaf.Rows[0][2]}
		}},
		"of another change": {"row", func(_ *verifier, s *story) {
			s.rows[0].Cells = cells("id", "scmt_1", "change_id", "sCHG-000002")
			s.events[0].leaf.Rows[0][2] = s.rows[0].digest()
		}},
		"of another id": {"row", func(_ *verifier, s *story) {
			s.rows[0].Cells = cells("id", "scmt_2", "change_id", "s"+someID)
			s.events[0].leaf.Rows[0][2] = s.rows[0].digest()
		}},
		"beyond number": {"too_large", func(_ *verifier, s *story) { s.rows = make([]rowLine, maxRows+1) }},
	} {
		s := &story{id: someID, rows: []rowLine{row}, events: []event{{leaf: ledger.Leaf{Rows: [][3]string{{row.Table, row.ID, row.digest()}}}}}}
		s.rows[0].Cells = cells("id", "scmt_1", "change_id", "s"+someID)
		v := checker()
		x.lie(v, s)
		v.checkRows(s)
		if got := v.found(); got != x.fault {
			t.Errorf("%q: %s, want %s", name, got, x.fault)
		}
	}
}

func TestAStoryIsOneOfThePacks(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		fault string
		lie   func(*verifier)
	}{
		"of another change":  {"change", func(v *verifier) { v.m.Change = "CHG-000002" }},
		"that the run lacks": {"population", func(v *verifier) { v.m.Kind = period }},
		"before the period":  {"population", func(v *verifier) { v.m.Kind = period; v.tallies[someID] = &tally{} }},
		"with other events": {"event", func(v *verifier) {
			v.m.Kind = period
			v.tallies[someID] = &tally{within: true, chain: chain{events: 1}}
		}},
		"without events": {"event", func(*verifier) {}},
	} {
		v := checker()
		v.told.story = &story{id: someID}
		x.lie(v)
		v.endStory()
		if got := v.found(); got != x.fault {
			t.Errorf("a story %s: %s, want %s", name, got, x.fault)
		}
	}
	v := checker()
	v.unlink(&story{id: someID}, 1, tlog.Hash{})
	if v.found() != "event" {
		t.Errorf("an event that the run lacks: %q, want event", v.found())
	}
}

func TestThePolicysHistoryIsProvedRowByRow(t *testing.T) {
	t.Parallel()
	archive := []byte(`{"files":[]}`)
	row := func() rowLine {
		return rowLine{Table: "change_pack", ID: "pck_1", File: policyDir + "x.json", Cells: cells("id", "spck_1", "digest", "s"+someBytes, "n", "i1")}
	}
	whole := row()
	whole.Cells["archive"] = "s" + string(archive)
	leaf := ledger.Leaf{V: 1, Verb: "policy.activated", Rows: [][3]string{{"change_pack", "pck_1", whole.digest()}}}
	for name, x := range map[string]struct {
		fault string
		lie   func(*verifier, *eventLine, *rowLine) []line
	}{
		"":                     {"", nil},
		"an event unproved":    {"policy", func(_ *verifier, e *eventLine, _ *rowLine) []line { e.Proof = nil; return nil }},
		"an event misplaced":   {"event policy", func(_ *verifier, e *eventLine, _ *rowLine) []line { e.Seq = 0; return nil }},
		"an event with a salt": {"policy", func(_ *verifier, e *eventLine, _ *rowLine) []line { e.Salt = "00"; return nil }},
		"an event with words":  {"policy", func(_ *verifier, e *eventLine, _ *rowLine) []line { e.Detail = jsontext.Value(`{"a":1}`); return nil }},
		"an event with a word": {"policy", func(_ *verifier, e *eventLine, _ *rowLine) []line {
			e.Opened = map[string]disclose{"a": {Value: jsontext.Value("1")}}
			return nil
		}},
		"a change":              {"policy", func(*verifier, *eventLine, *rowLine) []line { return []line{{Change: &changeLine{ID: someID}}} }},
		"a row of another":      {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line { r.Table = "change_model"; return nil }},
		"a row withheld":        {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line { r.Cells = nil; return nil }},
		"a row with a digest":   {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line { r.Digest = "x"; return nil }},
		"a row with a seal":     {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line { r.Envelope = "x"; return nil }},
		"a pack that is absent": {"policy", func(v *verifier, _ *eventLine, _ *rowLine) []line { clear(v.archives); return nil }},
		"an absent file unsaid": {"policy", func(v *verifier, _ *eventLine, r *rowLine) []line { clear(v.archives); r.File = ""; return nil }},
		"another file":          {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line { r.File = "y"; return nil }},
		"the file twice": {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line {
			r.Cells["archive"] = "s" + string(archive)
			return nil
		}},
		"no event":      {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line { return []line{{Row: r}} }},
		"two events":    {"policy", func(_ *verifier, e *eventLine, r *rowLine) []line { return []line{{Event: e}, {Event: e}, {Row: r}} }},
		"another event": {"policy", func(_ *verifier, _ *eventLine, r *rowLine) []line { r.ID = "pck_2"; return nil }},
		"a file too large": {"too_large policy", func(v *verifier, _ *eventLine, _ *rowLine) []line {
			v.archives[someBytes] = entry{name: policyDir + "x.json", size: maxLines + 1}
			return nil
		}},
		"other bytes": {"policy", func(v *verifier, _ *eventLine, _ *rowLine) []line {
			v.r = bytes.NewReader([]byte(`{"files":{}}`))
			return nil
		}},
		"a gap in the numbers": {"policy", func(v *verifier, _ *eventLine, _ *rowLine) []line { v.history = []inForce{{n: 1, seq: 0}}; return nil }},
		"an order turned":      {"policy", func(v *verifier, _ *eventLine, _ *rowLine) []line { v.history = []inForce{{n: 0, seq: 1}}; return nil }},
	} {
		v := checker()
		v.r = bytes.NewReader(archive)
		v.archives[someBytes] = entry{name: policyDir + "x.json", size: int64(len(archive))}
		e, r := tree(v, ledger.Leaf{V: 1, Verb: "first"}, leaf)[1], row()
		list := []line{{Event: &e}, {Row: &r}}
		if x.lie != nil {
			if other := x.lie(v, &e, &r); other != nil {
				list = other
			}
		}
		v.policies(written(t, list...))
		if got := v.found(); got != x.fault {
			t.Errorf("%q: %s, want %s", name, got, x.fault)
		}
	}
}

// The event answers for exactly what these rows say, and they are not rows of the history.
func TestThePolicysHistoryHoldsNoOtherRows(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*rowLine){
		"":                 func(*rowLine) {},
		"of another table": func(r *rowLine) { r.Table = "change_model" },
		"of another id":    func(r *rowLine) { r.Cells["id"] = "spck_2" },
	} {
		archive := `{"files":[]}`
		r := rowLine{Table: "change_pack", ID: "pck_1", File: policyDir + "x.json", Cells: cells("id", "spck_1", "digest", "s"+someBytes, "n", "i1", "archive", "s"+archive)}
		edit(&r)
		v := checker()
		e := tree(v, ledger.Leaf{V: 1, Verb: "first"}, ledger.Leaf{V: 1, Verb: "policy.activated", Rows: [][3]string{{r.Table, r.ID, r.digest()}}})[1]
		delete(r.Cells, "archive")
		v.r, v.archives[someBytes] = bytes.NewReader([]byte(archive)), entry{name: r.File, size: int64(len(archive))}
		v.policies(written(t, line{Event: &e}, line{Row: &r}))
		if got := v.found(); (got == "") != (name == "") {
			t.Errorf("a row %s: %s", name, got)
		}
	}
}

func TestThePackUnderADigestIsThatPack(t *testing.T) {
	t.Parallel()
	p := shippedPack(t)
	text, err := p.Archive()
	if err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(*verifier, *entry){
		"":          func(*verifier, *entry) {},
		"cut off":   func(v *verifier, _ *entry) { v.r = bytes.NewReader(text[:len(text)-1]) },
		"too large": func(_ *verifier, e *entry) { e.size = maxLines + 1 },
		"of no use": func(v *verifier, _ *entry) { v.r = bytes.NewReader(bytes.Repeat([]byte("x"), len(text))) },
		"another pack": func(v *verifier, _ *entry) {
			v.r = bytes.NewReader(bytes.Replace(text, []byte("effects: 3"), []byte("effects: 4"), 1))
		},
		"nowhere at all": func(v *verifier, _ *entry) { v.archives = nil },
	} {
		v := checker()
		v.r = bytes.NewReader(text)
		e := entry{size: int64(len(text))}
		lie(v, &e)
		if v.archives != nil {
			v.archives[p.Digest()] = e
		}
		if _, err := v.pack(p.Digest()); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRolesAreShownByProvedEvents(t *testing.T) {
	t.Parallel()
	leaf := ledger.Leaf{V: 1, Verb: "role.granted", Rows: [][3]string{{grantTable, "a|b", "00"}, {"directory_person", "b", "00"}}}
	for name, x := range map[string]struct {
		fault string
		lie   func(*eventLine) []line
	}{
		"":            {"", nil},
		"a row":       {"member", func(*eventLine) []line { return []line{{Row: &rowLine{Table: "a", ID: "b"}}} }},
		"unproved":    {"member", func(e *eventLine) []line { e.Proof = nil; return nil }},
		"twice":       {"member", func(e *eventLine) []line { return []line{{Event: e}, {Event: e}} }},
		"with a salt": {"member", func(e *eventLine) []line { e.Salt = "00"; return nil }},
		"with words":  {"member", func(e *eventLine) []line { e.Detail = jsontext.Value(`{"a":1}`); return nil }},
		"with a word": {"member", func(e *eventLine) []line {
			e.Opened = map[string]disclose{"a": {Value: jsontext.Value("1")}}
			return nil
		}},
		"misplaced": {"event", func(e *eventLine) []line { e.Seq = 0; return nil }},
	} {
		v := checker()
		e := tree(v, ledger.Leaf{V: 1, Verb: "first"}, leaf)[1]
		list := []line{{Event: &e}}
		if x.lie != nil {
			if other := x.lie(&e); other != nil {
				list = other
			}
		}
		v.grants(written(t, list...))
		if got := v.found(); got != x.fault {
			t.Errorf("%q: %s, want %s", name, got, x.fault)
		}
		if want := map[bool]int{true: 1, false: 0}[name == "" || name == "twice"]; len(v.turns) != want {
			t.Errorf("%q: %d roles taken, want %d", name, len(v.turns), want)
		}
	}
}

func TestAManifestIsOfOneSelection(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		good bool
		lie  func(*manifest)
	}{
		"one change":       {true, func(*manifest) {}},
		"of no install":    {false, func(m *manifest) { m.Install = "" }},
		"of another form":  {false, func(m *manifest) { m.Schema = "plumb.evidence/v2" }},
		"silent on what":   {false, func(m *manifest) { m.Withheld = nil }},
		"withholding more": {false, func(m *manifest) { m.Withheld = []string{"truth"} }},
		"of neither kind":  {false, func(m *manifest) { m.Kind = "all" }},
		"with a run too":   {false, func(m *manifest) { m.Run = &run{} }},
	} {
		v := checker()
		v.m.Schema, v.m.Withheld = Schema, []string{}
		x.lie(&v.m)
		if v.sensible() != x.good {
			t.Errorf("a manifest, %s: %s", name, v.found())
		}
	}
}

func TestAPublicKeyHasOneSpelling(t *testing.T) {
	t.Parallel()
	der, err := x509.MarshalPKIXPublicKey(newKey(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, headers map[string]string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der}))
	}
	good := block("PUBLIC KEY", nil, der)
	if _, err := publicKey(good); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{"nothing": "", "words": "key", "something before": "x\n" + good, "something after": good + "x", "twice": good + good,
		"another kind": block("CERTIFICATE", nil, der), "headers": block("PUBLIC KEY", map[string]string{"A": "b"}, der), "another algorithm": block("PUBLIC KEY", nil, foreign),
		"no key inside": block("PUBLIC KEY", nil, der[:10])} {
		if _, err := publicKey(s); err == nil {
			t.Errorf("%s passes for a public key", name)
		}
	}
}

func TestASelectionIsAChangeOrAPeriod(t *testing.T) {
	t.Parallel()
	if err := (Selection{Change: someID}).check(); err != nil {
		t.Error(err)
	}
	if (Selection{Change: someID, Since: -1}).check() == nil {
		t.Error("a pack since less than nothing is selected")
	}
}

// What is found at a glance is written exactly as events are written; all else goes to the strict reader.
func TestAGlanceTakesNothingElse(t *testing.T) {
	t.Parallel()
	good := someLeaves[1]
	twisted := `{"actor":{"kind":"system"},"object":{"id":"x","type":"test"},"outcome":"ok","v":1,"ts":1,"verb":"test.noted"}`
	for _, b := range []string{twisted, strings.Replace(good, `{"actor":`, `{"actor";`, 1), strings.Replace(good, `"ok",`, `"ok";`, 1), "", "[" + good[1:], `{"actor`, `{"actor"`, `{"actor";{}}`, `{"zebra":1}`, `{"actor":`, `{"actor":{}`, strings.Replace(good, `,"verb"`, `;"verb"`, 1),
		strings.Replace(good, `{"id":"x"`, `{"it":"x"`, 1), strings.Replace(good, `{"id":"x"`, `{"id":7`, 1), strings.Replace(good, `"x",`, `"x","rev":7,`, 1), strings.Replace(good, `"v":1`, `"v":2`, 1)} {
		if _, ok := glanceAt([]byte(b)); ok {
			t.Errorf("%q is taken at a glance", b)
		}
	}
}

func TestAMemberThatIsNotThereIsNotRead(t *testing.T) {
	t.Parallel()
	v := checker()
	v.r = bytes.NewReader([]byte("short"))
	if _, ok := v.load(entry{name: "x", size: 6}, 10); ok || v.found() != "container" {
		t.Errorf("a member that is cut off: %v, %s", ok, v.found())
	}
	v = checker()
	if _, ok := v.load(entry{name: "x", size: 11}, 10); ok || v.found() != "too_large" {
		t.Errorf("a member beyond its limit: %v, %s", ok, v.found())
	}
	v = checker()
	v.at, v.m.Since = ledger.Checkpoint{Size: 2, Root: tlog.Hash{1}}, &since{Size: 1}
	if v.consistent(ledger.Checkpoint{Size: 1, Root: tlog.Hash{2}}) || v.found() != "fork" {
		t.Errorf("a proof of nothing: %s, want fork", v.found())
	}
}
