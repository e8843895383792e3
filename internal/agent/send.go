package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// Sent says what one sending did.
type Sent struct {
	Messages int    `json:"messages"`
	Bytes    int    `json:"bytes"` // of the messages' bodies
	States   int    `json:"states"`
	State    string `json:"state"` // the server's answer to the last
}

// send brings the server up to date: state by state, or, when there is nothing new, by the digest alone. It stops at the first error;
// what was not taken stays in the queue.
func (a *Agent) send(ctx context.Context, last wire.Facts) (s Sent, err error) {
	if len(a.state.Queue) == 0 {
		return s, a.tell(ctx, &s, a.state.Have, step{Last: last})
	}
	for len(a.state.Queue) > 0 {
		x := a.state.Queue[0]
		next := a.state.Have.With(x.Set, x.Gone)
		if err := a.tell(ctx, &s, next, x); err != nil {
			return s, err
		}
		s.States++
		a.state.Have, a.state.Queue, a.state.Lost = next, a.state.Queue[1:], 0
		if err := a.save(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// tell makes the server know one state: by its digest and the difference from what it has; if it has something else, by the
// buckets that differ.
func (a *Agent) tell(ctx context.Context, s *Sent, next wire.Facts, x step) error {
	root := next.Root()
	r := wire.Report{Root: root}
	if len(a.state.Have) > 0 && len(x.Set)+len(x.Gone) > 0 && x.fits() {
		r.Base, r.Set, r.Gone, r.Last = a.state.Have.Root(), x.Set, x.Gone, x.Last
	}
	for range 4 { // digest, buckets, the facts of those that differ; and once more when the server was restored meanwhile
		answer, err := a.report(ctx, s, r)
		if err != nil {
			return err
		}
		switch answer.State {
		case wire.AgentUnchanged, wire.AgentAccepted:
			return nil
		case wire.AgentBucketsOf:
			r = wire.Report{Root: root, Buckets: next.Buckets()}
		case wire.AgentWhole:
			r = wire.Report{Root: root, Whole: answer.Buckets, Set: next.In(answer.Buckets), Last: x.Last}
		default:
			return fmt.Errorf("agent: the server answers %q, which this program does not know", answer.State)
		}
	}
	return fmt.Errorf("agent: the server and this host do not come to the same facts")
}

// fits reports whether a difference has room in one message. One that has not, as when almost everything is another, goes bucket by bucket.
func (x step) fits() bool {
	n := sizeOf(x.Set)
	for _, path := range x.Gone {
		n += len(text(path)) + len(",")
	}
	return n <= factBytes
}

// report sends one signed message.
func (a *Agent) report(ctx context.Context, s *Sent, r wire.Report) (wire.ReportAnswer, error) {
	a.seq++
	r.V, r.Boot, r.Seq, r.Sent, r.Lost = 1, a.boot, a.seq, a.cfg.Now().UnixMicro(), a.state.Lost
	body, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return wire.ReportAnswer{}, err
	}
	signature, err := sign(a.key, wire.ReportDomain, body)
	if err != nil {
		return wire.ReportAnswer{}, err
	}
	s.Messages++
	s.Bytes += len(body)
	answer, err := a.client.ReportAgent(ctx, a.home.Agent, body, signature)
	if err == nil {
		s.State = answer.Value.State
		a.skew = time.UnixMicro(answer.Value.At).Sub(a.cfg.Now())
	}
	return answer.Value, err
}

// Once looks at the host and tells the server, once.
func (a *Agent) Once(ctx context.Context) (Sent, error) {
	l := Collect(ctx, a.cfg, a.state.latest())
	if a.state.add(l) {
		if err := a.save(); err != nil {
			return Sent{}, err
		}
	}
	var all Sent
	for n := 0; ; n++ {
		s, err := a.send(ctx, l.Last)
		all.Messages, all.Bytes, all.States, all.State = all.Messages+s.Messages, all.Bytes+s.Bytes, all.States+s.States, s.State
		if s.States > 0 {
			n = 0 // it goes on
		}
		if err == nil || !soon(err) || n >= 6 {
			return all, err
		}
		if err := wait(ctx, backoff(n)); err != nil {
			return all, err
		}
	}
}

// soon reports whether trying again in a moment is what helps.
func soon(err error) bool { f := fault.Of(err); return f.Kind == fault.Limited }
