package agent

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/probe"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Look is one look at the host.
type Look struct {
	Facts  wire.Facts
	Last   wire.Facts        // what changes by itself
	Failed map[string]string // collectors that gave nothing, and why; their facts are those of the last look
}

// Collect looks at the host. before are the facts of the last look: what a collector cannot say now is taken to be as it was, and
// agent.failed says so.
func Collect(ctx context.Context, cfg Config, before wire.Facts) Look {
	used := cpuTime()
	r := probe.Collect(ctx, cfg.Collectors, func() error { return withinCPU(cpuTime() - used) })
	l := Look{Facts: wire.Facts{}, Last: wire.Facts{}, Failed: r.Failed}
	for _, f := range r.Facts {
		switch {
		case len(f.Path) > wire.MaxFactPath || len(f.Value) > wire.MaxFactValue:
			l.Failed[f.Path[:strings.IndexByte(f.Path, '.')]+" in part"] = "a fact is longer than what is sent"
		case f.Volatile:
			l.Last[f.Path] = jsontext.Value(f.Value)
		default:
			l.Facts[f.Path] = jsontext.Value(f.Value)
		}
	}
	for name := range r.Failed {
		for _, path := range before.Under(name + ".") {
			l.Facts[path] = before[path]
		}
	}
	l.bound()
	if len(l.Failed) > 0 {
		l.Facts["agent.failed"] = set(slices.Sorted(maps.Keys(l.Failed)))
	}
	l.Facts["agent.version"] = text(cfg.Version)
	l.Last["agent.read-at"] = text(cfg.Now().UTC().Format(time.RFC3339)) // by the clock of the host
	l.Last["agent.cpu-ms"] = wire.NumberFact((cpuTime() - used).Milliseconds())
	l.Last["agent.memory-kib"] = wire.NumberFact(memory() / 1024)
	return l
}

// What one message has room for, with its other members and the facts of the agent itself left aside.
const (
	mostFacts = wire.MaxFacts - 10
	factBytes = wire.MaxReport - 16<<10
	lastBytes = 64 << 10
)

// bound leaves out what is more than one host has to say, the same each time: the server would refuse all of it, each time.
func (l *Look) bound() {
	if within(l.Facts, mostFacts, factBytes)+within(l.Last, mostFacts, lastBytes) > 0 {
		l.Failed["everything in part"] = "there are more facts than are sent"
	}
}

// within takes away what is over a number or over so many bytes of JSON, from the first path on that does not fit; it tells how many.
func within(f wire.Facts, most, bytes int) (cut int) {
	if len(f) <= most && sizeOf(f) <= bytes {
		return 0
	}
	for i, path := range slices.Sorted(maps.Keys(f)) {
		if bytes -= sizeOfOne(path, f[path]); i >= most || bytes < 0 {
			bytes = -1 // what comes after is left out, too, however short
			delete(f, path)
			cut++
		}
	}
	return cut
}

// sizeOf is how many bytes facts take in a message.
func sizeOf(f wire.Facts) (n int) {
	for path, v := range f {
		n += sizeOfOne(path, v)
	}
	return n
}

func sizeOfOne(path string, v jsontext.Value) int { return len(text(path)) + len(":,") + len(v) }

func text(s string) jsontext.Value {
	b, err := seal.AppendText(nil, s)
	if err != nil {
		return jsontext.Value(`""`)
	}
	return b
}

func set(sorted []string) jsontext.Value {
	b := jsontext.Value("[")
	for i, s := range sorted {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text(s)...)
	}
	return append(b, ']')
}
