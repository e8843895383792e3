package record

import (
	"time"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/personal"
)

// absent is one person who could fill a slot and is out of office now.
type absent struct {
	Name  string
	Until string // the last day
	Note  string // such as who stands in
}

// absents are those of a slot's candidates who are out of office. It is information: they can act all the
// same.
func (x *view) absents(m *policy.Missing) (out []absent) {
	for _, c := range m.Could {
		if a := x.Away[c.Person]; a.At(x.F.Now) {
			out = append(out, absent{x.name(c.Person), x.day(a), a.Note})
		}
	}
	return out
}

// day is the last day of an absence, in the reader's zone.
func (x *view) day(a personal.Away) string {
	zone := x.F.Zone
	if zone == nil {
		zone = time.UTC
	}
	return time.UnixMicro(a.Until - 1).In(zone).Format("2 Jan 2006")
}
