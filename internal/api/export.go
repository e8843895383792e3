package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
)

// ExportQuery says what an evidence pack holds: one change, or all of a period.
type ExportQuery struct {
	Change   string    `json:"change,omitempty"`
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
	Withhold []string  `json:"withhold,omitempty" enum:"names,details,documents" doc:"what is left out; the proofs still hold"`
	Short    bool      `json:"short,omitempty" doc:"end the run of events with the period, not with the newest checkpoint"`
	Since    int64     `json:"since,omitempty" minimum:"0" doc:"size of an earlier checkpoint that the pack then continues"`
}

func (q ExportQuery) selection() (s prove.Selection, err error) {
	s = prove.Selection{From: q.From, To: q.To, Withhold: q.Withhold, Short: q.Short, Since: q.Since}
	if q.Change != "" {
		s.Change, err = change.ParseID(q.Change)
	}
	return s, err
}

type exportIn struct {
	In JSON[ExportQuery]
}

// stream is an answer that is written as it is made.
type stream struct {
	Body func(huma.Context)
}

// packType is the media type of an evidence pack.
const packType = "application/vnd.plumbline.pack"

// export writes a pack into a file of its own first: a reader who takes the bytes slowly must not hold
// the database, and half a pack is never sent. That somebody took evidence out is an event.
func (a *API) export(ctx context.Context, in *exportIn) (*stream, error) {
	q := in.In.value
	s, err := q.selection()
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(a.Temp, "export-*")
	if err != nil {
		return nil, fmt.Errorf("make file for evidence pack: %w", err)
	}
	drop := func() {
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			a.Logger.WarnContext(ctx, "the file of an evidence pack could not be removed", "err", err)
		}
	}
	sum := sha256.New()
	if err := prove.Write(ctx, io.MultiWriter(f, sum), a.Source, s); err != nil {
		drop()
		return nil, err
	}
	if err := a.exported(ctx, s, "sha256:"+hex.EncodeToString(sum.Sum(nil))); err != nil {
		drop()
		return nil, err
	}
	return &stream{func(hc huma.Context) {
		defer drop()
		a.send(hc, f)
	}}, nil
}

// exported records who took which evidence.
func (a *API) exported(ctx context.Context, s prove.Selection, digest string) error {
	object := string(s.Change)
	if object == "" {
		object = "period"
	}
	return a.DB.Update(ctx, actorOf(ctx), func(tx *db.Tx) error {
		if err := a.People.ConfirmIn(tx, tx.Actor()); err != nil {
			return err
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "evidence.exported", Type: "export", Object: object, Rev: digest,
			Detail: map[string]any{"from": micros(s.From), "to": micros(s.To), "withheld": strings.Join(s.Withhold, " ")}})
		return err
	})
}

// send gives a finished file.
func (a *API) send(hc huma.Context, f *os.File) {
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		hc.SetHeader("Content-Type", packType)
		hc.SetHeader("Content-Disposition", "attachment")
		hc.SetHeader("Content-Length", strconv.FormatInt(size, 10))
		_, err = io.Copy(hc.BodyWriter(), f)
	}
	if err != nil {
		a.Logger.WarnContext(hc.Context(), "an evidence pack was not taken whole", "request", actorOf(hc.Context()).Request, "err", err)
	}
}
