package prove

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// Taken is a finished pack in a file of its own, and its digest.
type Taken struct {
	*os.File
	Digest string
}

// Drop closes the file and removes it.
func (t *Taken) Drop() error { return errors.Join(t.Close(), os.Remove(t.Name())) }

// Take writes a pack into a file in dir ("" for the system's), because a reader who takes the bytes
// slowly must not hold the database, and half a pack is never sent. That somebody took evidence out is an
// event. The caller drops the file.
func Take(ctx context.Context, actor fault.Actor, dir string, src Source, sel Selection) (*Taken, error) {
	f, err := os.CreateTemp(dir, "export-*")
	if err != nil {
		return nil, fmt.Errorf("make file for evidence pack: %w", err)
	}
	sum := sha256.New()
	err = Write(ctx, io.MultiWriter(f, sum), src, sel)
	t := &Taken{f, "sha256:" + hex.EncodeToString(sum.Sum(nil))}
	if err == nil {
		err = taken(ctx, actor, src, sel, t.Digest)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, t.Drop())
	}
	return t, nil
}

// taken records who took which evidence.
func taken(ctx context.Context, actor fault.Actor, src Source, s Selection, digest string) error {
	object := string(s.Change)
	if object == "" {
		object = "period"
	}
	micros := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMicro()
	}
	return src.DB.Update(ctx, actor, func(tx *db.Tx) error {
		if err := src.People.ConfirmIn(tx, tx.Actor()); err != nil {
			return err
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "evidence.exported", Type: "export", Object: object, Rev: digest,
			Detail: map[string]any{"from": micros(s.From), "to": micros(s.To), "withheld": strings.Join(s.Withhold, " ")}})
		return err
	})
}
