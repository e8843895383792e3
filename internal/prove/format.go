package prove

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
)

// Schema names the format; a reader refuses any other.
const Schema = "plumb.evidence/v1"

// SignatureType is the predicate type of the statement that closes a pack.
const SignatureType = "https://plumbline.dev/attestation/evidence-pack/v1"

// The members, in the order in which they stand. Those with a number or digest in their name stand in
// ascending order of it.
const (
	cover      = "plumb.evidence"
	manifested = "manifest.json"
	checkpoint = "checkpoint"
	keysFile   = "keys.json"
	policyDir  = "policies/"       // policies/HEX.json: archive of a policy pack, by the pack's digest
	background = "policies.jsonl"  // rows of change_pack, and the events that answer for them
	lentFile   = "lendings.jsonl"  // rows of directory_lending, and the events that answer for them
	eventsDir  = "events/"         // events/SEQ.jsonl: the run of events, 12 digits
	changesDir = "changes/"        // changes/N.jsonl: the changes, 6 digits
	rolesFile  = "roles.jsonl"     // events that granted or took the roles in which people decided
	peopleFile = "people.json"     //
	docsDir    = "documents/"      // documents/HEX: by SHA-256
	sums       = "SHA256SUMS"      // of every member before it, as sha256sum writes it
	signature  = "signature.json"  // DSSE envelope over sums
	coverText  = Schema + "\n\n" + // the first bytes of every pack
		"This is a Plumbline evidence pack. Verify it with:  plumb verify FILE\n" +
		"By hand:  tar xf FILE && sha256sum -c SHA256SUMS\n"
)

// rank gives the place of a member in the order, -1 for one that no pack has.
func rank(name string) int {
	for i, form := range memberForms() {
		if form.MatchString(name) {
			return i
		}
	}
	return -1
}

var memberForms = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`^plumb\.evidence$`), regexp.MustCompile(`^manifest\.json$`), regexp.MustCompile(`^checkpoint$`),
		regexp.MustCompile(`^keys\.json$`), regexp.MustCompile(`^policies/[0-9a-f]{64}\.json$`), regexp.MustCompile(`^policies\.jsonl$`),
		regexp.MustCompile(`^lendings\.jsonl$`), regexp.MustCompile(`^events/[0-9]{12}\.jsonl$`), regexp.MustCompile(`^changes/[0-9]{6}\.jsonl$`), regexp.MustCompile(`^roles\.jsonl$`),
		regexp.MustCompile(`^people\.json$`), regexp.MustCompile(`^documents/[0-9a-f]{64}$`), regexp.MustCompile(`^SHA256SUMS$`),
		regexp.MustCompile(`^signature\.json$`),
	}
})

// Kinds of pack.
const (
	oneChange = "change"
	period    = "period"
)

// manifest says what was asked for, and where in the tree it is.
type manifest struct {
	Schema   string   `json:"schema"`
	Install  string   `json:"install"`
	Origin   string   `json:"origin"` // first line of the checkpoint
	Kind     string   `json:"kind"`   // change, period
	Change   string   `json:"change,omitempty"`
	From     int64    `json:"from,omitzero"` // microseconds
	To       int64    `json:"to,omitzero"`
	Created  int64    `json:"created"`
	Size     int64    `json:"size"` // of the checkpoint
	Root     string   `json:"root"` // base64
	Run      *run     `json:"run,omitempty"`
	Since    *since   `json:"since,omitempty"`
	Withheld []string `json:"withheld"`
	Lendings bool     `json:"lendings,omitzero"` // accounts that were lent are shown; false in packs from before that
}

// run is where the events of a period stand in the tree, with the hashes beside them, base64.
type run struct {
	First int64    `json:"first"`
	Last  int64    `json:"last"`
	Left  []string `json:"left"`
	Right []string `json:"right"`
}

func (r *run) holds(seq int64) bool { return r != nil && r.First <= seq && seq <= r.Last }

// since proves that the log continues an earlier checkpoint of this size.
type since struct {
	Size  int64    `json:"size"`
	Proof []string `json:"proof"`
}

// keys are the public keys of the install, as the pack claims them.
type keys struct {
	Install string `json:"install"`
	Ledger  string `json:"ledger"`  // signed-note verifier key
	Permits string `json:"permits"` // PEM, PKIX
}

// line is one line of a member whose name ends in .jsonl, but for the events: exactly one is set.
type line struct {
	Change *changeLine `json:"change,omitempty"`
	Event  *eventLine  `json:"event,omitempty"`
	Row    *rowLine    `json:"row,omitempty"`
}

// changeLine begins a change; all lines up to the next one are about it.
type changeLine struct {
	ID string `json:"id"`
}

// eventLine is one event with its words. Inside the run its place is proved there; outside it Proof
// is the inclusion proof in the checkpoint's tree.
type eventLine struct {
	Seq    int64               `json:"seq"`
	Leaf   jsontext.Value      `json:"leaf"`
	Proof  []string            `json:"proof,omitzero"` // absent in the run; empty in a tree of one event
	Salt   string              `json:"salt,omitempty"` // hex, with Detail
	Detail jsontext.Value      `json:"detail,omitempty"`
	Opened map[string]disclose `json:"opened,omitempty"` // single details, where the others are withheld
}

// bare reports whether an event stands by its own proof, and without words.
func (x eventLine) bare() bool {
	return x.Proof != nil && x.Salt == "" && x.Detail == nil && x.Opened == nil
}

// disclose opens one commitment.
type disclose struct {
	Salt  string         `json:"salt"` // hex, of this field alone
	Value jsontext.Value `json:"value"`
}

// rowLine is one row as its digest covers it. A withheld row has its digest alone, and for a decision
// or permit the signed envelope, which speaks for itself.
type rowLine struct {
	Table    string            `json:"table"`
	ID       string            `json:"id"`
	Cells    map[string]string `json:"cells,omitempty"` // column → type letter and value
	File     string            `json:"file,omitempty"`  // change_pack: the member that is the cell archive
	Digest   string            `json:"digest,omitempty"`
	Envelope string            `json:"envelope,omitempty"`
}

// bare reports whether a row is told by its cells alone.
func (r rowLine) bare() bool {
	return r.Cells != nil && r.Digest == "" && r.Envelope == "" && r.File == ""
}

// digest computes the row's digest from its cells.
func (r rowLine) digest() string {
	cells := make([]db.Cell, 0, len(r.Cells))
	for _, c := range sortedKeys(r.Cells) {
		cells = append(cells, db.Cell{Column: c, Value: r.Cells[c]})
	}
	return db.CellsDigest(r.Table, cells)
}

// text gives a text cell, "" where there is none.
func (r rowLine) text(column string) string {
	s, _ := strings.CutPrefix(r.Cells[column], "s")
	return s
}

// number gives an integer cell, 0 where there is none.
func (r rowLine) number(column string) int64 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(r.Cells[column], "i"), 10, 64)
	return n
}

// people names the ids in a pack. Names are the server's word; no proof covers them.
type people struct {
	People   []person  `json:"people"`
	Accounts []account `json:"accounts"`
}

type person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type account struct {
	ID       string `json:"id"`
	Person   string `json:"person"`
	Kind     string `json:"kind"`
	Username string `json:"username"`
}

// Counts is what is in a pack.
type Counts struct {
	Members   int64 `json:"members"` // before SHA256SUMS
	Events    int64 `json:"events"`  // of the run
	Changes   int64 `json:"changes"`
	Rows      int64 `json:"rows"`
	Documents int64 `json:"documents"`
}

// closing is the predicate of the statement that closes a pack.
type closing struct {
	Install  string `json:"install"`
	Manifest string `json:"manifest"` // digest of manifest.json
	Counts   Counts `json:"counts"`
}

func hashesText(list []tlog.Hash) []string {
	out := make([]string, len(list))
	for i, h := range list {
		out[i] = h.String()
	}
	return out
}

// parseHashes reads base64 hashes; any but the one spelling of each is refused.
func parseHashes(list []string) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(list))
	for i, s := range list {
		b, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil || len(b) != tlog.HashSize || base64.StdEncoding.EncodeToString(b) != s {
			return nil, fmt.Errorf("%q is not a hash", s[:min(len(s), 60)])
		}
		copy(out[i][:], b)
	}
	return out, nil
}

// parseHex reads lower-case hex of n bytes.
func parseHex(s string, n int) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil && len(b) == n && hex.EncodeToString(b) == s
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
