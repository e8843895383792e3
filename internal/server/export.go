package server

import (
	"context"
	"io"
	"strings"

	"plumbline.dev/plumb/internal/api"
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
)

// exporter writes evidence packs for the API. Taking a pack away is itself an event.
type exporter struct {
	db     *db.DB
	source prove.Source
}

// Export records who takes what, then streams the pack.
func (x exporter) Export(ctx context.Context, actor fault.Actor, q api.ExportQuery, w io.Writer) error {
	sel := prove.Selection{From: q.From, To: q.To, Withhold: q.Withhold}
	what := "period"
	if q.Change != "" {
		id, err := change.ParseID(q.Change)
		if err != nil {
			return err
		}
		sel.Change, what = id, string(id)
	}
	err := x.db.Update(ctx, actor, func(tx *db.Tx) error {
		_, err := ledger.Append(tx, ledger.Event{Verb: "evidence.exported", Type: "export", Object: what,
			Detail: map[string]any{"from": q.From, "to": q.To, "withheld": strings.Join(q.Withhold, " ")}})
		return err
	})
	if err != nil {
		return err
	}
	return prove.Write(ctx, w, x.source, sel)
}
