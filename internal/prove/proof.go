package prove

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// ProofFormat is the member format of a Proof.
const ProofFormat = "plumb.proof/v1"

// Proof is the file that proves one event: all that a verifier needs beside their own copy of the
// ledger's key.
type Proof struct {
	Format     string   `json:"format"`
	Seq        int64    `json:"seq"`
	Leaf       string   `json:"leaf"`   // the bytes under the leaf hash
	Size       int64    `json:"size"`   // of the checkpoint
	Hashes     []string `json:"hashes"` // base64, in the order of RFC 6962
	Checkpoint string   `json:"checkpoint"`
}

// NewProof gathers the proof of one event under a checkpoint.
func NewProof(e ledger.Entry, c ledger.Checkpoint, hashes []tlog.Hash) Proof {
	p := Proof{Format: ProofFormat, Seq: e.Seq, Leaf: e.Text, Size: c.Size, Checkpoint: c.Note, Hashes: []string{}}
	for _, h := range hashes {
		p.Hashes = append(p.Hashes, base64.StdEncoding.EncodeToString(h[:]))
	}
	return p
}

// IsProof tells whether a file says of itself that it is a proof of one event.
func IsProof(text []byte) bool {
	var p Proof
	return seal.Decode(text, &p) == nil && p.Format == ProofFormat
}

// CheckProof checks the proof of one event with the ledger's public key, and gives the event's leaf. The
// refusal proof_broken says what does not hold.
func CheckProof(text []byte, vkey string) (p Proof, leaf ledger.Leaf, err error) {
	broken := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "proof_broken", "The proof does not hold: "+format, args...).FixedBy("whoever gave you the file").Then("get the proof again, from somebody you trust")
	}
	if err := seal.Decode(text, &p); err != nil {
		return p, leaf, err
	}
	if p.Format != ProofFormat {
		return p, leaf, broken("it is of a format that is not known here.")
	}
	c, err := ledger.ReadCheckpoint([]byte(p.Checkpoint), vkey)
	if err != nil {
		return p, leaf, broken("the checkpoint is not signed with this key.")
	}
	if c.Size != p.Size || p.Seq < 0 || p.Seq >= p.Size {
		return p, leaf, broken("event %d of %d is not under the checkpoint over %d events.", p.Seq, p.Size, c.Size)
	}
	path := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		b, err := base64.StdEncoding.DecodeString(h)
		if err != nil || len(b) != tlog.HashSize {
			return p, leaf, broken("hash %d of its path is none.", i)
		}
		path[i] = tlog.Hash(b)
	}
	if err := tlog.CheckRecord(path, p.Size, c.Root, p.Seq, tlog.RecordHash([]byte(p.Leaf))); err != nil {
		return p, leaf, broken("the path does not lead from the event to the signed root.")
	}
	if err := seal.Decode([]byte(p.Leaf), &leaf); err != nil {
		return p, leaf, broken("the event cannot be read.")
	}
	return p, leaf, nil
}

// Sentence says what a proof that held has shown.
func (p Proof) Sentence() string {
	return fmt.Sprintf("The event %d is in the ledger of %d events that this checkpoint signs, byte for byte.", p.Seq, p.Size)
}
