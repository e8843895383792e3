package api

import (
	"context"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
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

// maxFiles is how many files of many rows are written at once: each keeps a connection and reads page after page.
const maxFiles = 4

// file is an answer that write makes row by row. One that breaks off is cut, so that nobody takes it for the whole.
func (a *API) file(ctx context.Context, kind, name string, write func(io.Writer) error) (*stream, error) {
	select {
	case a.files <- struct{}{}:
	default:
		return nil, fault.New(fault.Limited, "too_many_exports", "Too many exports are being written at once.").FixedBy("you").Then("try again in a moment")
	}
	leave := sync.OnceFunc(func() { <-a.files })
	context.AfterFunc(ctx, leave) // also where nothing is ever written
	return &stream{func(hc huma.Context) {
		defer leave()
		hc.SetHeader("Content-Type", kind)
		hc.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		if err := write(hc.BodyWriter()); err != nil {
			a.cut(ctx, err)
		}
	}}, nil
}

// packType is the media type of an evidence pack.
const packType = "application/vnd.plumbline.pack"

// export writes a pack into a file of its own, and gives it once it is whole.
func (a *API) export(ctx context.Context, in *exportIn) (*stream, error) {
	q := in.In.value
	s, err := q.selection()
	if err != nil {
		return nil, err
	}
	pack, err := prove.Take(ctx, actorOf(ctx), a.Temp, a.Source, s)
	if err != nil {
		return nil, err
	}
	return &stream{func(hc huma.Context) {
		defer func() {
			if err := pack.Drop(); err != nil {
				a.Logger.WarnContext(ctx, "the file of an evidence pack could not be removed", "err", err)
			}
		}()
		a.send(hc, pack.File)
	}}, nil
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
