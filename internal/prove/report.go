package prove

import "fmt"

// Fault is one thing that is wrong with a pack.
type Fault struct {
	What  string `json:"what"`            // a stable snake_case word
	Where string `json:"where,omitempty"` // the member, event, change or row
	Text  string `json:"text"`
}

// Report is what verification found. A pack is whole when Faults is empty; only then is anything
// proved. What could not be proved is always said, faults or not.
type Report struct {
	Kind      string   `json:"kind"` // change, period
	Install   string   `json:"install"`
	Origin    string   `json:"origin"`
	Change    string   `json:"change,omitempty"`
	From      int64    `json:"from,omitzero"` // microseconds, as all instants here
	To        int64    `json:"to,omitzero"`
	Created   int64    `json:"created"`
	Size      int64    `json:"size"` // of the checkpoint: events in the signed tree
	Root      string   `json:"root"` // base64
	Ledger    string   `json:"ledger_key"`
	Permits   string   `json:"permit_key"` // sha256 of the public key
	Pinned    bool     `json:"pinned"`     // both keys came from outside the pack
	Withheld  []string `json:"withheld"`
	Counts    Counts   `json:"counts"`
	Decisions int64    `json:"decisions"`
	Permitted int64    `json:"permits"`
	Proved    []string `json:"proved"`
	NotProved []string `json:"not_proved"`
	Faults    []Fault  `json:"faults"`
}

// Whole reports whether nothing was found wrong.
func (r *Report) Whole() bool { return len(r.Faults) == 0 }

// maxFaults bounds the report; the rest would only repeat it.
const maxFaults = 1000

func (r *Report) fault(what, where, format string, args ...any) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, Fault{What: what, Where: clean(where, 120), Text: clean(fmt.Sprintf(format, args...), 600)})
	}
}

func (r *Report) prove(format string, args ...any) {
	r.Proved = append(r.Proved, fmt.Sprintf(format, args...))
}

func (r *Report) lack(format string, args ...any) {
	r.NotProved = append(r.NotProved, fmt.Sprintf(format, args...))
}

// clean makes text out of a hostile file fit for a terminal: printable ASCII and the few other signs of
// this program's own sentences, of bounded length.
func clean(s string, limit int) string {
	out := make([]rune, 0, min(len(s), limit))
	for _, r := range s {
		if len(out) == limit {
			break
		}
		if (r < 0x20 || r > 0x7e) && r != '’' && r != '…' {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}
