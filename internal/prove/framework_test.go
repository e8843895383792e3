package prove

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// This file takes the framework of a pack apart: its members and their order, keys, signature, list of
// digests, checkpoint and run, each reader alone.

// holding gives a verifier these members, by name and body.
func holding(list ...string) *verifier {
	v := checker()
	var all []byte
	for i := 0; i < len(list); i += 2 {
		v.entries = append(v.entries, entry{name: list[i], at: int64(len(all)), size: int64(len(list[i+1]))})
		all = append(all, list[i+1]...)
	}
	v.r = bytes.NewReader(all)
	return v
}

// huge lets one member claim a size.
func (v *verifier) huge(name string, size int64) *verifier {
	for i := range v.entries {
		if v.entries[i].name == name {
			v.entries[i].size = size
		}
	}
	return v
}

func TestMembersStandInOneOrder(t *testing.T) {
	t.Parallel()
	good := []string{cover, manifested, checkpoint, keysFile, policyDir + strings.Repeat("a", 64) + ".json", policyDir + strings.Repeat("b", 64) + ".json", sums, signature}
	for name, list := range map[string][]string{
		"":                     good,
		"a stranger first":     append([]string{"evil"}, good...),
		"a stranger between":   {cover, "evil", manifested, checkpoint, keysFile, sums, signature},
		"two kinds turned":     {cover, checkpoint, manifested, keysFile, sums, signature},
		"two of a kind turned": {cover, manifested, checkpoint, keysFile, good[5], good[4], sums, signature},
		"the same twice":       {cover, manifested, checkpoint, keysFile, good[4], good[4], sums, signature},
		"no manifest":          {cover, checkpoint, keysFile, sums, signature},
	} {
		v := checker()
		for _, n := range list {
			v.entries = append(v.entries, entry{name: n})
		}
		if v.ordered() != (name == "") {
			t.Errorf("%q: %s", name, v.found())
		}
	}
}

func publicText(t *testing.T, key *seal.Key) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestTheHeadSaysWhatThePackIs(t *testing.T) {
	t.Parallel()
	key, other := newKey(t), newKey(t)
	m := manifest{Schema: Schema, Kind: oneChange, Change: someID, Install: "install_x", Origin: "x", Withheld: []string{}}
	k := keys{Install: "install_x", Ledger: "x+1", Permits: publicText(t, key)}
	for name, x := range map[string]struct {
		fault string
		lie   func(v *verifier, m *manifest, k *keys) *verifier
	}{
		"":                      {"", nil},
		"an endless cover":      {"too_large", func(v *verifier, _ *manifest, _ *keys) *verifier { return v.huge(cover, maxHead+1) }},
		"an endless manifest":   {"too_large", func(v *verifier, _ *manifest, _ *keys) *verifier { return v.huge(manifested, maxHead+1) }},
		"endless keys":          {"too_large", func(v *verifier, _ *manifest, _ *keys) *verifier { return v.huge(keysFile, maxHead+1) }},
		"a foolish manifest":    {"manifest", func(_ *verifier, m *manifest, _ *keys) *verifier { m.Change = "7"; return nil }},
		"another install's key": {"keys", func(_ *verifier, _ *manifest, k *keys) *verifier { k.Install = "install_y"; return nil }},
		"no key":                {"keys", func(_ *verifier, _ *manifest, k *keys) *verifier { k.Permits = "x"; return nil }},
		"another ledger":        {"other_key", func(v *verifier, _ *manifest, _ *keys) *verifier { v.opt.Ledger = "y+1"; return v }},
		"another signer":        {"other_key", func(v *verifier, _ *manifest, _ *keys) *verifier { v.opt.Permit = other; return v }},
		"the ledger you trust":  {"", func(v *verifier, _ *manifest, _ *keys) *verifier { v.opt.Ledger, v.opt.Permit = "x+1", key; return v }},
	} {
		build := func() *verifier {
			return holding(cover, coverText, manifested, canonicalOf(t, m)+"\n", keysFile, canonicalOf(t, k)+"\n")
		}
		m, k = manifest{Schema: Schema, Kind: oneChange, Change: someID, Install: "install_x", Origin: "x", Withheld: []string{}}, keys{Install: "install_x", Ledger: "x+1", Permits: publicText(t, key)}
		v := build()
		if x.lie != nil {
			if v = x.lie(v, &m, &k); v == nil {
				v = build()
			}
		}
		if ok := v.head(); ok != (x.fault == "") || v.found() != x.fault {
			t.Errorf("%q: %v, %s, want %s", name, ok, v.found(), x.fault)
		}
	}
	v := holding("x", `{"a":1}`+" \n")
	var into struct {
		A int `json:"a"`
	}
	if v.read("x", &into) || v.found() != "member" {
		t.Errorf("another spelling: %s, want member", v.found())
	}
}

func TestTheSignatureIsOverTheListOfDigests(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	body := "content"
	list := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(body)), "a")
	for name, x := range map[string]struct {
		fault string
		lie   func(list *string, st *seal.Statement[closing]) string
		claim int64
	}{
		"":             {"", nil, 0},
		"no signature": {"member", func(*string, *seal.Statement[closing]) string { return "{" }, 0},
		"a signature of more": {"changed", func(_ *string, st *seal.Statement[closing]) string {
			st.Subject = append(st.Subject, st.Subject[0])
			return ""
		}, 0},
		"of another name":    {"changed", func(_ *string, st *seal.Statement[closing]) string { st.Subject[0].Name = "x"; return "" }, 0},
		"of another list":    {"changed", func(_ *string, st *seal.Statement[closing]) string { st.Subject[0].Digest["sha256"] = "00"; return "" }, 0},
		"of another install": {"changed", func(_ *string, st *seal.Statement[closing]) string { st.Predicate.Install = "install_y"; return "" }, 0},
		"an endless list":    {"too_large", nil, maxSums + 1},
		"a list of another": {"member", func(l *string, _ *seal.Statement[closing]) string {
			*l = strings.Replace(*l, "  a", "  b", 1)
			return ""
		}, 0},
		"a list in capitals": {"member", func(l *string, _ *seal.Statement[closing]) string { *l = strings.ToUpper(*l); return "" }, 0},
		"a digest in capitals": {"member", func(l *string, _ *seal.Statement[closing]) string {
			*l = strings.ToUpper((*l)[:64]) + (*l)[64:]
			return ""
		}, 0},
		"a list without end": {"member", func(l *string, _ *seal.Statement[closing]) string { *l = strings.TrimSpace(*l); return "" }, 0},
		"a list of more":     {"member", func(l *string, _ *seal.Statement[closing]) string { *l += *l; return "" }, 0},
	} {
		text := list
		st := seal.Statement[closing]{PredicateType: SignatureType, Predicate: closing{Install: "install_x"}, Subject: []seal.Subject{{Name: sums, Digest: map[string]string{}}}}
		instead := ""
		if x.lie != nil {
			probe := seal.Statement[closing]{Subject: []seal.Subject{{Name: sums, Digest: map[string]string{}}}}
			instead = x.lie(&text, &probe)
		}
		st.Subject[0].Digest["sha256"] = strings.TrimPrefix(seal.Raw([]byte(text)), "sha256:")
		if x.lie != nil {
			spare := text
			x.lie(&spare, &st)
		}
		env, err := seal.Sign(key, st)
		if err != nil {
			t.Fatal(err)
		}
		signed := canonicalOf(t, env) + "\n"
		if instead != "" {
			signed = instead
		}
		v := holding("a", body, sums, text, signature, signed)
		v.permit = key
		if x.claim > 0 {
			v.huge(sums, x.claim)
		}
		if ok := v.signed(); ok != (x.fault == "") || v.found() != x.fault {
			t.Errorf("%q: %v, %s, want %s", name, ok, v.found(), x.fault)
		}
	}
}

// checkpointed is a signed checkpoint, and the key that it is checked with.
func checkpointed(t *testing.T, key *seal.Key, origin string, size int64, root tlog.Hash) (text, vkey string) {
	t.Helper()
	vkey, err := ledger.VerifierKey(origin, key.PublicBytes())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner("PRIVATE+KEY+" + origin + vkey[len(origin):len(origin)+10] + base64.StdEncoding.EncodeToString(append([]byte{1}, key.Private().Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := note.Sign(&note.Note{Text: ledger.CheckpointText(origin, size, root)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), vkey
}

func TestTheCheckpointIsTheOneOfTheManifest(t *testing.T) {
	t.Parallel()
	key, root := newKey(t), tlog.Hash{1}
	text, vkey := checkpointed(t, key, "x.example/log", 5, root)
	for name, x := range map[string]struct {
		fault string
		lie   func(*verifier)
	}{
		"":                 {"", func(*verifier) {}},
		"another size":     {"checkpoint", func(v *verifier) { v.m.Size = 6 }},
		"another root":     {"checkpoint", func(v *verifier) { v.m.Root = tlog.Hash{2}.String() }},
		"another origin":   {"checkpoint", func(v *verifier) { v.m.Origin = "y" }},
		"an endless one":   {"too_large", func(v *verifier) { v.huge(checkpoint, maxHead+1) }},
		"of another's key": {"checkpoint", func(v *verifier) { _, v.report.Ledger = checkpointed(t, newKey(t), "x.example/log", 5, root) }},
		"not the one before": {"fork", func(v *verifier) {
			s, _ := checkpointed(t, key, "x.example/log", 5, tlog.Hash{2})
			v.opt.Earlier = []byte(s)
		}},
	} {
		v := holding(checkpoint, text)
		v.report.Ledger, v.m.Size, v.m.Root, v.m.Origin = vkey, 5, root.String(), "x.example/log"
		x.lie(v)
		if ok := v.rooted(); ok != (x.fault == "") || v.found() != x.fault {
			t.Errorf("%q: %v, %s, want %s", name, ok, v.found(), x.fault)
		}
	}
}

func TestEachMemberIsTheOneThatWasSigned(t *testing.T) {
	t.Parallel()
	v := holding(manifested, "{}")
	v.want = [][32]byte{sha256.Sum256([]byte("{ }"))}
	if v.member(0, v.entries[0]); v.found() != "changed" || !v.broken {
		t.Errorf("a member of other bytes: %s, want changed", v.found())
	}
	v = holding(manifested, "{}")
	v.want, v.closing.Manifest = [][32]byte{sha256.Sum256([]byte("{}"))}, someBytes
	if v.member(0, v.entries[0]); v.found() != "changed" {
		t.Errorf("another manifest than was signed: %s, want changed", v.found())
	}
	v = holding(manifested, "{}")
	v.closing.Counts.Changes = 1
	if v.compareCounts(); v.found() != "counts" {
		t.Errorf("other counts than were signed: %s, want counts", v.found())
	}
}

func TestADocumentIsReferredToOnceByItsDigest(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("doc"))
	for name, x := range map[string]struct {
		fault string
		lie   func(v *verifier, e *entry, want *[32]byte)
	}{
		"":                  {"", func(*verifier, *entry, *[32]byte) {}},
		"of other bytes":    {"changed", func(_ *verifier, _ *entry, want *[32]byte) { want[0]++ }},
		"of another name":   {"document", func(_ *verifier, e *entry, _ *[32]byte) { e.name = docsDir + strings.Repeat("0", 64) }},
		"that nobody wants": {"document", func(v *verifier, _ *entry, _ *[32]byte) { clear(v.refs) }},
		"that was here":     {"document", func(v *verifier, _ *entry, _ *[32]byte) { v.refs[sum] = true }},
		"in a broken pack":  {"", func(v *verifier, e *entry, _ *[32]byte) { v.broken = true; clear(v.refs) }},
	} {
		v := holding(docsDir+fmt.Sprintf("%x", sum), "doc")
		v.refs[sum] = false
		e, want := v.entries[0], sum
		x.lie(v, &e, &want)
		if v.document(e, want); v.found() != x.fault {
			t.Errorf("%q: %s, want %s", name, v.found(), x.fault)
		}
	}
}

// running is a verifier of a period over three events about two changes.
func running(t *testing.T) (*verifier, []byte) {
	t.Helper()
	v := checker()
	first, second, third := deed(0, "change.filed", "per_ann", "").leaf, deed(1, "change.filed", "per_ann", "").leaf, deed(2, "change.held", "per_ann", "").leaf
	second.Object.ID = "CHG-000002"
	tree(v, first, second, third)
	v.m.Kind, v.m.Change, v.m.From, v.m.To = period, "", at0, at0+2
	v.m.Run = &run{First: 0, Last: 2}
	if !v.beginRun() {
		t.Fatal(v.found())
	}
	var b strings.Builder
	for _, l := range []ledger.Leaf{first, second, third} {
		b.WriteString(canonicalOf(t, l) + "\n")
	}
	return v, []byte(b.String())
}

func TestTheRunHasNoGapAndNothingMore(t *testing.T) {
	t.Parallel()
	name0 := eventsDir + "000000000000.jsonl"
	for name, x := range map[string]struct {
		fault string
		lie   func(v *verifier, name *string, b *[]byte)
	}{
		"":                     {"", func(*verifier, *string, *[]byte) {}},
		"no run":               {"run", func(v *verifier, _ *string, _ *[]byte) { v.run0.span = nil }},
		"another beginning":    {"run", func(_ *verifier, name *string, _ *[]byte) { *name = eventsDir + "000000000001.jsonl" }},
		"half an event":        {"run", func(_ *verifier, _ *string, b *[]byte) { *b = (*b)[:len(*b)-1] }},
		"more than was said":   {"run", func(v *verifier, _ *string, _ *[]byte) { v.m.Run.Last = 1 }},
		"a number passed over": {"number_gap", func(v *verifier, _ *string, _ *[]byte) { v.run0.last = 7; v.m.Run.Last = 0 }},
		"rows of a change aside": {"event", func(v *verifier, _ *string, b *[]byte) {
			*b = []byte(strings.Replace(someLeaves[0], `"type":"change"`, `"type":"person"`, 1) + "\n")
		}},
	} {
		v, b := running(t)
		n := name0
		x.lie(v, &n, &b)
		if name == "a number passed over" {
			v.filed(3, someID, 9, true)
		} else {
			v.events(n, b)
		}
		if v.found() != x.fault {
			t.Errorf("%q: %s, want %s", name, v.found(), x.fault)
		}
	}
}

func TestTheRunEndsWhereItSaysAndItsChangesAreThere(t *testing.T) {
	t.Parallel()
	name0 := eventsDir + "000000000000.jsonl"
	for name, x := range map[string]struct {
		fault string
		lie   func(v *verifier)
	}{
		"":                      {"", func(*verifier) {}},
		"an end too far":        {"run", func(v *verifier) { v.m.Run.Last = 3 }},
		"another root":          {"run", func(v *verifier) { v.at.Root = tlog.Hash{1} }},
		"a change left out":     {"change_missing", func(v *verifier) { v.tallies[someID].told = false }},
		"one story too many":    {"population", func(v *verifier) { v.stories++ }},
		"a refusal's change":    {"", func(v *verifier) { v.tallies["CHG-000009"] = &tally{} }},
		"the one change absent": {"change_missing", func(v *verifier) { v.m.Kind, v.stories = oneChange, 0 }},
		"the one change twice":  {"change_missing", func(v *verifier) { v.m.Kind, v.stories = oneChange, 2 }},
	} {
		v, b := running(t)
		v.events(name0, b)
		for _, c := range v.tallies {
			c.told = true
		}
		v.stories = 2
		x.lie(v)
		if v.complete(); v.found() != x.fault {
			t.Errorf("%q: %s, want %s", name, v.found(), x.fault)
		}
	}
}

func TestAnArchiveTakesOnlyMembersOfTheirSize(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		member string
		size   int64
		body   string
		good   bool
	}{
		"a member":       {manifested, 2, "{}", true},
		"a stranger":     {"evil", 2, "{}", false},
		"an endless one": {manifested, maxMember, "{}", false},
		"less than said": {manifested, 3, "{}", false},
		"more than said": {manifested, 1, "{}", false},
	} {
		a := &archive{w: io.Discard}
		if err := a.stream(x.member, x.size, strings.NewReader(x.body)); (err == nil) != x.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The blocks of the file have one spelling, up to its last byte.
func TestTheBlocksOfTheFileHaveOneSpelling(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	a := &archive{w: &file}
	if err := errors.Join(a.add(manifested, []byte("{}")), a.close()); err != nil {
		t.Fatal(err)
	}
	b := file.Bytes()
	if list, err := walk(bytes.NewReader(b), int64(len(b))); err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	ends := bytes.Clone(b)
	ends[len(ends)-1] = 1
	if _, err := walk(bytes.NewReader(ends), int64(len(ends))); err == nil {
		t.Error("an end that is not empty passes")
	}
	padded := bytes.Clone(b)
	padded[block+5] = 1
	if _, err := walk(bytes.NewReader(padded), int64(len(padded))); err == nil {
		t.Error("padding that is not empty passes")
	}
	for name, edit := range map[string]func(h []byte){
		"no end to the name": func(h []byte) { copy(h, strings.Repeat("a", 100)) },
		"no name":            func(h []byte) { h[0] = 0 },
		"another owner":      func(h []byte) { h[265] = 'x' },
		"less than no bytes": func(h []byte) { copy(h[124:], "-0000000001") },
	} {
		h := bytes.Clone(b[:block])
		edit(h)
		if e, _, err := readHeader(h); err == nil {
			t.Errorf("%s: reads as %+v", name, e)
		}
	}
}

// What is signed has one spelling, too: a changed byte must not go unnoticed because it says the same.
func TestAnEnvelopeHasOneSpelling(t *testing.T) {
	t.Parallel()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	// loose gives another base64 text for the same bytes: the bits that the last letter has left over are set.
	loose := func(s string) string {
		body := strings.TrimRight(s, "=")
		at := strings.IndexByte(letters, body[len(body)-1])
		return body[:len(body)-1] + letters[at+1:at+2] + s[len(body):]
	}
	key := newKey(t)
	for n := range 3 {
		env, err := seal.Sign(key, seal.Statement[closing]{PredicateType: SignatureType, Predicate: closing{Install: strings.Repeat("x", n)}})
		if err != nil {
			t.Fatal(err)
		}
		if err := refuses(env, key); err != nil {
			t.Fatal(err)
		}
		other := *env
		other.Signatures = slices.Clone(env.Signatures)
		if other.Signatures[0].KeyID = ""; refuses(&other, key) == nil {
			t.Error("a signature of no key passes")
		}
		other.Signatures[0] = env.Signatures[0]
		if other.Signatures[0].Sig = loose(env.Signatures[0].Sig); refuses(&other, key) == nil {
			t.Error("a signature in another spelling passes")
		}
		other.Signatures[0] = env.Signatures[0]
		if !strings.HasSuffix(env.Payload, "=") {
			continue // no bits are left over
		}
		if other.Payload = loose(env.Payload); refuses(&other, key) == nil {
			t.Error("content in another spelling passes")
		}
	}
}

func refuses(env *seal.Envelope, key *seal.Key) error {
	_, err := open[closing](env, SignatureType, key)
	return err
}
