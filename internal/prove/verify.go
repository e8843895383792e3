package prove

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// Options is what the verifier knows from elsewhere than the pack.
type Options struct {
	Ledger  string    // the log's public key, in the signed-note form; "" takes the one in the pack
	Permit  *seal.Key // the install's public key for permits and decisions; nil takes the one in the pack
	Earlier []byte    // an earlier checkpoint of the same log, as it was signed; nil for none
}

// Verify checks a pack of size bytes. It needs no server and no network, and reads the file once, from
// the front, but for its table of contents; its memory grows with the number of changes and documents,
// not with the events. What is wrong with the pack stands in the Report; the error is for a file that
// cannot be read and for a ctx that ended.
func Verify(ctx context.Context, r io.ReaderAt, size int64, opt Options) (*Report, error) {
	_, report, err := verify(ctx, r, size, opt, nil)
	return report, err
}

func verify(ctx context.Context, r io.ReaderAt, size int64, opt Options, asked *[]request) (*verifier, *Report, error) {
	source := &failing{r: r}
	v := &verifier{ctx: ctx, r: source, opt: opt, report: &Report{Proved: []string{}, NotProved: []string{}, Faults: []Fault{}, Withheld: []string{}},
		tallies: map[string]*tally{}, packs: map[string]*policy.Pack{}, archives: map[string]entry{}, refs: map[[32]byte]bool{}, used: map[[2]string][]int64{}, asked: asked}
	v.run(size)
	if source.err != nil {
		return nil, nil, fmt.Errorf("read pack: %w", source.err)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if v.report.Whole() {
		v.conclude()
	} else {
		v.report.Proved = []string{}
	}
	v.limits()
	return v, v.report, nil
}

// failing remembers an error of the file itself, to tell it from a file that is wrong.
type failing struct {
	r   io.ReaderAt
	err error
}

// ReadAt reads from the file.
func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.r.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) && f.err == nil {
		f.err = err
	}
	return n, err
}

// verifier goes through one pack from the front.
type verifier struct {
	ctx     context.Context // of the one Verify that it lives in
	r       io.ReaderAt
	opt     Options
	report  *Report
	entries []entry
	want    [][32]byte // digest of each member before SHA256SUMS
	closing closing
	broken  bool // a member was changed: from here on only digests are looked at

	m      manifest
	at     ledger.Checkpoint
	permit *seal.Key

	run0     runSeen
	tallies  map[string]*tally // changes that the run mentions, by id
	archives map[string]entry  // policy archives by digest
	packs    map[string]*policy.Pack
	history  []inForce
	stories  int64
	newest   int64 // number of the newest change seen
	told     told
	refs     map[[32]byte]bool     // documents referred to; true once seen
	used     map[[2]string][]int64 // role and person → events of the decisions that counted in it
	turns    []turn
	lent     lent
	buf      []byte
	asked    *[]request // of the changes that were replayed, where somebody wants them
}

func (v *verifier) fault(what, where, format string, args ...any) {
	v.report.fault(what, where, format, args...)
}

// run goes through the pack; it stops where nothing after could be trusted or understood.
func (v *verifier) run(size int64) {
	var err error
	if v.entries, err = walk(v.r, size); err != nil {
		v.fault("container", "", "The file is no evidence pack, or a byte of its framework was changed: %v.", err)
		return
	}
	if !v.ordered() || !v.head() || !v.signed() || !v.rooted() {
		return
	}
	v.report.Counts.Members = int64(len(v.entries) - 2)
	for i, e := range v.entries[:len(v.entries)-2] {
		if v.ctx.Err() != nil {
			return
		}
		v.member(i, e)
	}
	if !v.broken {
		v.complete()
		v.compareCounts()
	}
}

// ordered checks that exactly the members of a pack are there, each at its place.
func (v *verifier) ordered() bool {
	last, name := -1, ""
	count := map[int]int{}
	for _, e := range v.entries {
		n := rank(e.name)
		if n < last || n == last && e.name <= name || n < 0 {
			v.fault("member", e.name, "The member does not belong there.")
			return false
		}
		last, name = n, e.name
		count[n]++
	}
	for _, must := range []string{cover, manifested, checkpoint, keysFile, sums, signature} {
		if count[rank(must)] != 1 {
			v.fault("member", must, "The member is missing.")
		}
	}
	return v.report.Whole()
}

// Limits of members that are held in memory.
const (
	maxHead  = 1 << 20
	maxSums  = 128 << 20
	maxLines = 64 << 20
)

// load reads a member into memory; the bytes are good until the next load.
func (v *verifier) load(e entry, limit int64) ([]byte, bool) {
	if e.size > limit {
		v.fault("too_large", e.name, "The member has %d bytes; at most %d are taken.", e.size, limit)
		return nil, false
	}
	if int64(cap(v.buf)) < e.size {
		v.buf = make([]byte, e.size)
	}
	b := v.buf[:e.size]
	if n, err := v.r.ReadAt(b, e.at); int64(n) < e.size {
		v.fault("container", e.name, "The member cannot be read: %v.", asCut(err))
		return nil, false
	}
	return b, true
}

func (v *verifier) find(name string) entry {
	i := slices.IndexFunc(v.entries, func(e entry) bool { return e.name == name })
	return v.entries[i] // ordered has seen it
}

// read loads a member that is one canonical JSON document and a line end.
func (v *verifier) read(name string, into any) bool {
	b, ok := v.load(v.find(name), maxHead)
	if !ok {
		return false
	}
	if err := seal.Decode(b, into); err != nil {
		v.fault("member", name, "The member cannot be read: %v", err)
		return false
	}
	return v.written(name, b, into)
}

// written holds a document against the one way in which it is written.
func (v *verifier) written(name string, b []byte, value any) bool {
	again, err := seal.Canonical(value)
	if err != nil || !bytes.Equal(b, append(again, '\n')) {
		v.fault("member", name, "The member is not written in its canonical form.")
		return false
	}
	return true
}

// head reads the members that say what this is and which keys it claims.
func (v *verifier) head() bool {
	text, ok := v.load(v.find(cover), maxHead)
	if !ok {
		return false
	}
	if string(text) != coverText {
		v.fault("schema", cover, "This is not a pack of the form %s.", Schema)
		return false
	}
	var k keys
	if !v.read(manifested, &v.m) || !v.read(keysFile, &k) || !v.sensible() {
		return false
	}
	r := v.report
	r.Kind, r.Install, r.Origin, r.Change, r.From, r.To = v.m.Kind, v.m.Install, v.m.Origin, v.m.Change, v.m.From, v.m.To
	r.Created, r.Size, r.Root, r.Withheld = v.m.Created, v.m.Size, v.m.Root, v.m.Withheld
	return v.keys(k)
}

// sensible refuses a manifest that no selection gives.
func (v *verifier) sensible() bool {
	m := v.m
	_, number := changeNumber(m.Change)
	one := m.Kind == oneChange && number && m.From == 0 && m.To == 0 && m.Run == nil
	many := m.Kind == period && m.Change == "" && m.From < m.To && m.Run != nil && m.Run.First <= m.Run.Last && m.Run.Last < m.Size
	known := slices.IsSorted(m.Withheld) && len(slices.Compact(slices.Clone(m.Withheld))) == len(m.Withheld)
	for _, w := range m.Withheld {
		known = known && slices.Contains([]string{Names, Details, Files}, w)
	}
	if m.Schema != Schema || m.Install == "" || !known || m.Withheld == nil || !one && !many {
		v.fault("manifest", manifested, "The manifest is not one of a pack of the form %s.", Schema)
	}
	return v.report.Whole()
}

// keys settles which public keys are used: those from outside, else the pack's own claims.
func (v *verifier) keys(k keys) bool {
	claimed, err := publicKey(k.Permits)
	if err != nil {
		v.fault("keys", keysFile, "The public key for permits cannot be read: %v.", err)
		return false
	}
	if k.Install != v.m.Install {
		v.fault("keys", keysFile, "The keys are those of another install.")
	}
	v.report.Ledger, v.permit = k.Ledger, claimed
	v.report.Pinned = v.opt.Ledger != "" && v.opt.Permit != nil
	if v.opt.Ledger != "" && v.opt.Ledger != k.Ledger {
		v.fault("other_key", keysFile, "The pack is of a ledger with another key than the one you trust.")
	}
	if v.opt.Permit != nil && v.opt.Permit.ID() != claimed.ID() {
		v.fault("other_key", keysFile, "The pack's decisions and permits are signed with another key than the one you trust.")
	}
	v.report.Permits = claimed.ID()
	return v.report.Whole()
}

// publicKey reads one Ed25519 key in the one PEM spelling of it.
func publicKey(text string) (*seal.Key, error) {
	b, rest := pem.Decode([]byte(text))
	if b == nil || len(rest) != 0 || string(pem.EncodeToMemory(b)) != text || b.Type != "PUBLIC KEY" || len(b.Headers) != 0 {
		return nil, errors.New("it is not one PEM block of type PUBLIC KEY")
	}
	p, err := x509.ParsePKIXPublicKey(b.Bytes)
	if err != nil {
		return nil, err
	}
	pub, ok := p.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("it is not Ed25519")
	}
	return seal.PublicKey(pub), nil
}

// signed checks the statement that closes the pack, and through it the digest of every member.
func (v *verifier) signed() bool {
	var env seal.Envelope
	if !v.read(signature, &env) {
		return false
	}
	st, err := open[closing](&env, SignatureType, v.permit)
	if err != nil {
		v.fault("signature", signature, "The pack's signature does not hold: %v.", err)
		return false
	}
	v.closing = st.Predicate
	list, ok := v.load(v.find(sums), maxSums)
	if !ok {
		return false
	}
	if len(st.Subject) != 1 || st.Subject[0].Name != sums || "sha256:"+st.Subject[0].Digest["sha256"] != seal.Raw(list) || v.closing.Install != v.m.Install {
		v.fault("changed", sums, "The list of digests is not the one that was signed.")
		return false
	}
	return v.listed(list)
}

// listed reads the digests of the members, which must be listed one for one, in order.
func (v *verifier) listed(list []byte) bool {
	members := v.entries[:len(v.entries)-2]
	v.want = make([][32]byte, 0, len(members))
	for _, e := range members {
		end := bytes.IndexByte(list, '\n')
		if end < 0 {
			v.fault("member", e.name, "The member is not in the list of digests.")
			return false
		}
		hexed, name, _ := strings.Cut(string(list[:end]), "  ")
		sum, ok := parseHex(hexed, 32)
		if !ok || name != e.name {
			v.fault("member", e.name, "The member is not in the list of digests, where %q stands.", name)
			return false
		}
		v.want = append(v.want, [32]byte(sum))
		list = list[end+1:]
	}
	if len(list) != 0 {
		v.fault("member", "", "A member that was signed is missing.")
	}
	return v.report.Whole()
}

// rooted verifies the checkpoint, and an earlier one against it.
func (v *verifier) rooted() bool {
	note, ok := v.load(v.find(checkpoint), maxHead)
	if !ok {
		return false
	}
	at, err := ledger.ReadCheckpoint(note, v.report.Ledger)
	if err != nil {
		v.fault("checkpoint", checkpoint, "The checkpoint is not signed by the ledger's key: %v.", err)
		return false
	}
	if at.Size != v.m.Size || at.Root.String() != v.m.Root || at.Origin != v.m.Origin {
		v.fault("checkpoint", checkpoint, "The checkpoint is another one than the manifest names.")
		return false
	}
	v.at = at
	return v.beginEarlier() && v.beginRun()
}

// member checks one member: its digest, then what it says.
func (v *verifier) member(i int, e entry) {
	if n := rank(e.name); !v.broken && n > rank(eventsDir+"000000000000.jsonl") {
		v.endRun()
		if n > rank(changesDir+"000000.jsonl") {
			v.endStory()
		}
	}
	if strings.HasPrefix(e.name, docsDir) {
		v.document(e, v.want[i])
		return
	}
	b, ok := v.load(e, maxLines)
	if !ok {
		v.broken = true
		return
	}
	if sha256.Sum256(b) != v.want[i] {
		v.fault("changed", e.name, "The member is not the one that was signed.")
		v.broken = true
	}
	switch {
	case v.broken: // what a changed member leads to would only hide which one it is
	case e.name == manifested:
		if seal.Raw(b) != v.closing.Manifest {
			v.fault("changed", e.name, "The manifest is not the one that was signed.")
		}
	case strings.HasPrefix(e.name, policyDir):
		v.archives["sha256:"+strings.TrimSuffix(strings.TrimPrefix(e.name, policyDir), ".json")] = e
	case e.name == background:
		v.policies(bytes.Clone(b)) // the archives it names are loaded meanwhile
	case e.name == lentFile:
		v.lendings(b)
	case strings.HasPrefix(e.name, eventsDir):
		v.events(e.name, b)
	case strings.HasPrefix(e.name, changesDir):
		v.changes(e.name, b)
	case e.name == rolesFile:
		v.grants(b)
	case e.name == peopleFile:
		v.names(b)
	}
}

// document checks a document while it streams by.
func (v *verifier) document(e entry, want [32]byte) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(v.r, e.at, e.size)); err != nil {
		v.fault("container", e.name, "The member cannot be read: %v.", asCut(err))
		return
	}
	got := [32]byte(h.Sum(nil))
	seen, known := v.refs[got]
	switch {
	case got != want:
		v.fault("changed", e.name, "The document is not the one that was signed.")
	case v.broken:
	case hex.EncodeToString(got[:]) != strings.TrimPrefix(e.name, docsDir):
		v.fault("document", e.name, "The document has another digest than its name says.")
	case !known || seen:
		v.fault("document", e.name, "No change refers to the document.")
	default:
		v.refs[got] = true
		v.report.Counts.Documents++
	}
}

func (v *verifier) names(b []byte) {
	var p people
	if err := seal.Decode(b, &p); err != nil || slices.Contains(v.m.Withheld, Names) {
		v.fault("member", peopleFile, "The names cannot be read, or were to be withheld.")
		return
	}
	v.written(peopleFile, b, p)
}

func (v *verifier) compareCounts() {
	got, want := v.report.Counts, v.closing.Counts
	if got != want && v.report.Whole() {
		v.fault("counts", signature, "The pack holds %+v, signed were %+v.", got, want)
	}
}

// included verifies an inclusion proof in the checkpoint's tree.
func (v *verifier) included(seq int64, proof []string, hash tlog.Hash) bool {
	list, err := parseHashes(proof)
	if err != nil || seq < 0 || seq >= v.at.Size {
		return false
	}
	return tlog.CheckRecord(list, v.at.Size, v.at.Root, seq, hash) == nil
}
