package api

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
)

// Event is one entry of the ledger.
type Event struct {
	Seq    int64       `json:"seq"`
	Leaf   ledger.Leaf `json:"leaf"`
	Text   string      `json:"text" doc:"the bytes under the leaf hash"`
	Salt   string      `json:"salt" doc:"hex; empty when erased or without detail"`
	Detail Raw         `json:"detail" doc:"what the leaf commits to; null when erased or absent"`
}

type eventsIn struct {
	From   int64  `query:"from" minimum:"0" doc:"first sequence number"`
	Limit  int64  `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Object string `query:"object" maxLength:"100" doc:"only events about this object"`
}

func (a *API) listEvents(ctx context.Context, in *eventsIn) (*body[Page[Event]], error) {
	var list []ledger.Entry
	err := a.DB.View(ctx, func(tx *db.Tx) (err error) {
		if in.Object != "" {
			list, err = ledger.OfObject(tx, in.Object, in.From, int(in.Limit))
		} else {
			list, err = ledger.ReadIn(tx, in.From, int(in.Limit))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := a.events(list, int(in.Limit))
	out.Next = ""
	if len(list) == int(in.Limit) {
		out.Next = cursor(list[len(list)-1].Seq + 1)
	}
	return give(out, nil)
}

type proofIn struct {
	Seq  int64 `path:"seq" minimum:"0"`
	Size int64 `query:"size" minimum:"0" doc:"tree size; the newest checkpoint's when left out"`
}

// Inclusion proves that an event is in the tree of a checkpoint.
type Inclusion struct {
	Seq        int64    `json:"seq"`
	Size       int64    `json:"size"`
	Hashes     []string `json:"hashes" doc:"base64, RFC 6962 order"`
	Checkpoint string   `json:"checkpoint,omitempty" doc:"the newest signed note, when the proof is for it"`
}

func (a *API) proof(ctx context.Context, in *proofIn) (*body[Inclusion], error) {
	out := Inclusion{Seq: in.Seq, Size: in.Size}
	if in.Size == 0 {
		c, err := a.Log.Newest(ctx)
		if err != nil {
			return nil, err
		}
		out.Size, out.Checkpoint = c.Size, c.Note
	}
	hashes, err := a.Log.Inclusion(ctx, in.Seq, out.Size)
	out.Hashes = based(hashes)
	return give(out, err)
}

func based(hashes []tlog.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

type consistencyIn struct {
	From int64 `query:"from" required:"true" minimum:"1"`
	To   int64 `query:"to" required:"true" minimum:"1"`
}

// Consistency proves that one tree is the beginning of another.
type Consistency struct {
	From   int64    `json:"from"`
	To     int64    `json:"to"`
	Hashes []string `json:"hashes"`
}

func (a *API) consistency(ctx context.Context, in *consistencyIn) (*body[Consistency], error) {
	hashes, err := a.Log.Consistency(ctx, in.From, in.To)
	return give(Consistency{From: in.From, To: in.To, Hashes: based(hashes)}, err)
}

// Keys are the public keys that everything here verifies with.
type Keys struct {
	Install string `json:"install"`
	Origin  string `json:"origin"`
	Ledger  string `json:"ledger" doc:"signed-note verifier key of the ledger"`
	Permits string `json:"permits" doc:"PEM of the key that signs approvals and permits"`
	KeyID   string `json:"key_id" doc:"id of that key in DSSE envelopes"`
}

func (a *API) keys(context.Context, *none) (*body[Keys], error) {
	der, err := x509.MarshalPKIXPublicKey(a.Permits.Public())
	if err != nil {
		return nil, err
	}
	return give(Keys{Install: a.Install, Origin: a.Log.Origin(), Ledger: a.Log.VerifierKey(), KeyID: a.Permits.ID(),
		Permits: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}, nil)
}

// note is a text document of the C2SP ledger protocol.
type note struct {
	ContentType string `header:"Content-Type"`
	Cache       string `header:"Cache-Control"`
	Body        []byte
}

func (a *API) checkpoint(ctx context.Context, _ *none) (*note, error) {
	c, err := a.Log.Newest(ctx)
	if err != nil {
		return nil, err
	}
	return &note{ContentType: "text/plain; charset=utf-8", Cache: "no-cache", Body: []byte(c.Note)}, nil
}

type tileIn struct {
	Path string `path:"path" maxLength:"200" doc:"C2SP tile path below /tile/"`
}

func (a *API) tile(ctx context.Context, in *tileIn) (*note, error) {
	b, err := a.Log.Tile(ctx, in.Path)
	if err != nil {
		return nil, err
	}
	return &note{ContentType: octets, Cache: "private, max-age=86400", Body: b}, nil
}
