// Package ledger is the append-only record of everything that happened: events written in the
// transaction of the change they record, an RFC 6962 Merkle tree over them, signed C2SP checkpoints,
// proofs, and the verification that compares every covered row with the digest in its last event. It
// is not a log for operators, and it knows no domain: verbs and objects are the rooms' words.
package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Event is what a use-case hands over as its last statement.
type Event struct {
	Verb    string         // domain.past-participle, such as change.approved
	Type    string         // type of the object: change, person, policy, …
	Object  string         // id of the object
	Rev     string         // digest of the object's revision, where it has one
	Outcome string         // ok, denied, failed; empty means ok
	Policy  string         // digest of the policy that decided, where one did
	Detail  map[string]any // words and figures by name ([a-z0-9_]+); only salted commitments of them enter the leaf
}

// Leaf is the canonical content of one event. Its RFC 8785 bytes are stored verbatim and hashed into
// the tree; docs/formats.md describes it byte by byte.
type Leaf struct {
	V       int               `json:"v"`
	TS      int64             `json:"ts"` // microseconds since 1970, UTC
	Actor   LeafActor         `json:"actor"`
	Verb    string            `json:"verb"`
	Object  LeafObject        `json:"object"`
	Outcome string            `json:"outcome"`
	Policy  string            `json:"policy,omitempty"`
	Request string            `json:"req,omitempty"`
	Source  string            `json:"src,omitempty"`
	Rows    [][3]string       `json:"rows,omitempty"`   // table, id, hex digest of the row after; "" when deleted
	Commit  map[string]string `json:"commit,omitempty"` // name → hex salted commitment of the detail
}

// LeafActor names the principal by opaque ids; names of people are never in a leaf.
type LeafActor struct {
	Person  string `json:"person,omitempty"`
	Account string `json:"account,omitempty"`
	Kind    string `json:"kind"`
	Authn   string `json:"authn,omitempty"`
	Via     string `json:"via,omitempty"`
}

// LeafObject is what the event is about.
type LeafObject struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Rev  string `json:"rev,omitempty"`
}

// maxLeaf is the largest leaf: C2SP entry bundles prefix each entry with 16 bits of length.
const maxLeaf = 65535

// Append records one event in tx and claims the rows written since the last one. It must be the last
// statement of a use-case: a covered row written after it is refused at commit.
func Append(tx *db.Tx, ev Event) (seq int64, err error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	a := tx.Actor()
	leaf := Leaf{V: 1, TS: tx.Now().UnixMicro(), Verb: ev.Verb, Outcome: ev.Outcome, Policy: ev.Policy,
		Actor:   LeafActor{Person: a.Person, Account: a.Account, Kind: string(a.Kind), Authn: string(a.Authn), Via: a.Via},
		Object:  LeafObject{Type: ev.Type, ID: ev.Object, Rev: ev.Rev},
		Request: a.Request, Source: a.Source}
	if leaf.Outcome == "" {
		leaf.Outcome = "ok"
	}
	for _, w := range tx.Claim() {
		leaf.Rows = append(leaf.Rows, [3]string{w.Table, w.ID, w.Digest})
	}
	body, commits, err := commit(salt, ev.Detail)
	if err != nil {
		return 0, fmt.Errorf("commit to event detail: %w", err)
	}
	leaf.Commit = commits
	text, err := leaf.canonical()
	if err != nil {
		return 0, fmt.Errorf("encode event: %w", err)
	}
	if len(text) > maxLeaf {
		return 0, fault.New(fault.TooLarge, "event_too_large", "This touches more than one ledger event can record; do it in smaller parts.").
			Then("do it in smaller parts")
	}
	return insert(tx, leaf, text, salt, body)
}

func insert(tx *db.Tx, leaf Leaf, text, salt, body []byte) (int64, error) {
	tail, err := tx.Tail().Recall(tx, eventTable, func() (db.Tail, error) { return readTail(tx) })
	if err != nil {
		return 0, fmt.Errorf("number event: %w", err)
	}
	if err := tx.NotBefore(time.UnixMicro(tail.At)); err != nil {
		return 0, err // another replica's clock is ahead of ours by too much
	}
	seq := tail.Next
	if _, err := tx.Exec("INSERT INTO ledger_event (seq, ts, verb, kind, object, leaf) VALUES ($1, $2, $3, $4, $5, $6)",
		seq, leaf.TS, leaf.Verb, leaf.Object.Type, leaf.Object.ID, string(text)); err != nil {
		return 0, fmt.Errorf("append event: %w", err)
	}
	tx.Tail().Keep(tx, eventTable, db.Tail{Next: seq + 1, At: leaf.TS})
	if len(leaf.Commit) == 0 {
		return seq, nil
	}
	if _, err := tx.Exec("INSERT INTO ledger_detail (seq, salt, body) VALUES ($1, $2, $3)",
		seq, hex.EncodeToString(salt), string(body)); err != nil {
		return 0, fmt.Errorf("append event detail: %w", err)
	}
	return seq, nil
}

const eventTable = "ledger_event"

// readTail reads where the record ends.
func readTail(tx *db.Tx) (db.Tail, error) {
	t, _, err := db.One(tx, func(row db.Scanner) (t db.Tail, err error) {
		err = row.Scan(&t.Next, &t.At)
		t.Next++
		return t, err
	}, "SELECT seq, ts FROM ledger_event ORDER BY seq DESC LIMIT 1")
	return t, err
}

// commit returns the canonical detail and, per name, its salted commitment.
func commit(salt []byte, detail map[string]any) (body []byte, commits map[string]string, err error) {
	if len(detail) == 0 {
		return nil, nil, nil
	}
	commits = make(map[string]string, len(detail))
	e := &encoder{buf: append(make([]byte, 0, 512), '{')}
	for _, name := range slices.Sorted(maps.Keys(detail)) {
		if !plainName(name) {
			return nil, nil, errName
		}
		value, err := seal.Canonical(detail[name])
		if err != nil {
			return nil, nil, err
		}
		commits[name] = Commitment(FieldSalt(salt, name), name, value)
		e.member(name)
		e.buf = append(e.buf, value...)
	}
	return append(e.buf, '}'), commits, nil
}

var errName = errors.New("ledger: the name of a detail is lower case letters, digits and _")

// FieldSalt derives the salt of one named detail, so that one can be shown without opening the others.
func FieldSalt(salt []byte, name string) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte("plumb.salt.v1\n" + name))
	return m.Sum(nil)
}

// Commitment is hex SHA-256("plumb.commit.v1\n" ‖ hex(salt) ‖ "\n" ‖ name ‖ "\n" ‖ canonical value).
func Commitment(fieldSalt []byte, name string, value []byte) string {
	buf := append(make([]byte, 0, 256), "plumb.commit.v1\n"...)
	buf = append(hex.AppendEncode(buf, fieldSalt), '\n')
	buf = append(append(append(buf, name...), '\n'), value...)
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}

// CheckDetail reports whether a disclosed detail body fits its leaf's commitments.
func CheckDetail(leaf Leaf, salt, body []byte) error {
	var detail map[string]jsontext.Value
	if err := json.Unmarshal(body, &detail); err != nil {
		return fmt.Errorf("read detail: %w", err)
	}
	if len(detail) != len(leaf.Commit) {
		return fmt.Errorf("detail has %d members, its event commits to %d", len(detail), len(leaf.Commit))
	}
	for name, value := range detail {
		canon := append(jsontext.Value(nil), value...)
		if err := canon.Canonicalize(); err != nil {
			return err
		}
		if Commitment(FieldSalt(salt, name), name, canon) != leaf.Commit[name] {
			return fmt.Errorf("detail %q differs from what its event committed to", name)
		}
	}
	return nil
}

// Log integrates events into the tree and signs checkpoints. It is safe for concurrent use.
type Log struct {
	db     *db.DB
	origin string
	signer note.Signer
	vkey   string
	log    *slog.Logger
	wake   chan struct{}

	mu   sync.Mutex
	tree tree       // guarded by mu: the tree as of the last integration; zero means read it anew
	head Checkpoint // guarded by mu: the newest checkpoint that this process has seen
}

// Open prepares the log of one install. origin names it in checkpoints and is never reused after a
// restore of an older backup.
func Open(ctx context.Context, d *db.DB, key *seal.Key, origin string, log *slog.Logger) (*Log, error) {
	skey, vkey, err := noteKeys(origin, key)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("open ledger key: %w", err)
	}
	l := &Log{db: d, origin: origin, signer: signer, vkey: vkey, log: log, wake: make(chan struct{}, 1)}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	d.OnDenied(RecordDenial)
	d.OnCommit(l.notify)
	err = d.View(ctx, func(tx *db.Tx) error {
		tail, err := readTail(tx)
		if err == nil && tail.Next > 0 {
			d.Floor(time.UnixMicro(tail.At))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return l, nil
}

// VerifierKey is the log's public key in the signed-note form name+hash+key.
func (l *Log) VerifierKey() string { return l.vkey }

// Origin is the first line of every checkpoint.
func (l *Log) Origin() string { return l.origin }

// Head is a number that moves whenever a business fact is committed, whoever writes. What was read
// after taking it is still true while it is the same. On SQLite it costs no read.
func (l *Log) Head(ctx context.Context) (head int64, err error) {
	if l.db.Engine() == "sqlite" {
		return l.db.Commits(), nil
	}
	err = l.db.View(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT COALESCE(MAX(seq), -1) FROM ledger_event").Scan(&head)
	})
	return head, err
}

func noteKeys(origin string, key *seal.Key) (skey, vkey string, err error) {
	vkey, err = VerifierKey(origin, key.PublicBytes())
	if err != nil {
		return "", "", err
	}
	hash := vkey[len(origin)+1 : len(origin)+9]
	seed := append([]byte{1}, key.Private().Seed()...) // 1 = Ed25519 in the signed-note format
	return "PRIVATE+KEY+" + origin + "+" + hash + "+" + base64.StdEncoding.EncodeToString(seed), vkey, nil
}

// VerifierKey writes an Ed25519 public key in the signed-note form.
func VerifierKey(origin string, public []byte) (string, error) {
	return note.NewEd25519VerifierKey(origin, ed25519.PublicKey(public))
}

// FindKey finds the first public key in the signed-note form in a text, such as the whole output of a command that prints it among others.
func FindKey(text string) (vkey string, found bool) {
	for word := range strings.FieldsSeq(text) {
		if _, err := note.NewVerifier(word); err == nil {
			return word, true
		}
	}
	return "", false
}

// RecordDenial makes a rule's no to a known principal an event of its own. A surface that bounds how many
// of them one principal can cause puts itself in front of it by db.OnDenied.
func RecordDenial(tx *db.Tx, refusal *fault.Error) error {
	if tx.Actor().Kind == fault.Nobody {
		return nil // a stranger cannot grow the ledger; they are counted elsewhere
	}
	kind, object := "request", tx.Actor().Request
	if refusal.Object != "" {
		kind, object = "refused", refusal.Object
	}
	_, err := Append(tx, Event{Verb: "request.denied", Type: kind, Object: object, Outcome: "denied",
		Detail: map[string]any{"code": refusal.Code, "message": refusal.Message, "rule": refusal.Rule, "clause": refusal.Clause}})
	return err
}

func (l *Log) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
