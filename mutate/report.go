package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What became of a guard that was taken away.
const (
	killed    = "killed"         // a test of its own package failed
	elsewhere = "held elsewhere" // a test of another package, or another guard
	excused   = "excused"        // nothing shows it; the list says why
	survived  = "survived"       // no test failed
)

// row is one guard and its fate.
type row struct {
	guard
	State string
	By    string // what noticed
	Why   string
	Met   int // tests in which the guard said no
}

// line is a row as it is printed.
type line struct {
	Guard string `json:"guard"` // file:line
	Func  string `json:"func"`
	Text  string `json:"text"`
	State string `json:"state"`
	By    string `json:"by,omitempty"`
	Why   string `json:"why,omitempty"`
	Met   int    `json:"met"`
}

// tallied are the counts of one package.
type tallied struct {
	Package  string `json:"package"`
	Guards   int    `json:"guards"`
	Killed   int    `json:"killed"`
	Held     int    `json:"held_elsewhere"`
	Excused  int    `json:"excused"`
	Survived int    `json:"survived"`
}

// report is the outcome of a run.
type report struct {
	OK       bool      `json:"ok"`
	Packages []tallied `json:"packages"`
	Guards   []line    `json:"guards"`
	Stale    []string  `json:"stale,omitempty"` // entries of the list that nothing needs
	Seconds  float64   `json:"processor_seconds"`
}

// report sums the rows up. whole tells a run over everything, in which each entry of the list must be
// of use.
func (r *runner) report(rows []row, whole bool) report {
	out := report{OK: true, Seconds: r.cpu.sum.Round(time.Second).Seconds()}
	sum := tallied{Package: "all"}
	for _, x := range rows {
		out.Guards = append(out.Guards, line{fmt.Sprintf("%s:%d", x.file, x.line), x.fn, x.text, x.State, x.By, x.Why, x.Met})
		if len(out.Packages) == 0 || out.Packages[len(out.Packages)-1].Package != x.pkg {
			out.Packages = append(out.Packages, tallied{Package: x.pkg})
		}
		for _, t := range []*tallied{&out.Packages[len(out.Packages)-1], &sum} {
			t.count(x.State)
		}
		out.OK = out.OK && x.State != survived
	}
	out.Packages = append(out.Packages, sum)
	for key := range r.claims {
		i := slices.IndexFunc(rows, func(x row) bool { return x.key() == key })
		file, _, _ := strings.Cut(key, " ")
		asked := whole && slices.ContainsFunc(rows, func(x row) bool { return x.file == file })
		if i < 0 && asked || i >= 0 && rows[i].State == killed {
			out.Stale, out.OK = append(out.Stale, key), false
		}
	}
	slices.Sort(out.Stale)
	return out
}

func (t *tallied) count(state string) {
	t.Guards++
	switch state {
	case killed:
		t.Killed++
	case elsewhere:
		t.Held++
	case excused:
		t.Excused++
	case survived:
		t.Survived++
	}
}

func (r report) write(w io.Writer, form string) error {
	if form == "json" {
		return json.MarshalWrite(w, r, jsontext.WithIndent("  "))
	}
	var b strings.Builder
	for _, x := range slices.SortedStableFunc(slices.Values(r.Guards), func(a, b line) int { return cmp.Compare(rank(a.State), rank(b.State)) }) {
		fmt.Fprintf(&b, "%-14s  %s  %s: %s  ← %s\n", x.State, x.Guard, x.Func, x.Text, cmp.Or(strings.TrimSpace(x.By+" "+x.Why), "some test meets it, none notices"))
	}
	for _, key := range r.Stale {
		fmt.Fprintf(&b, "on the list, and need not be: %s\n", key)
	}
	fmt.Fprintf(&b, "\n%-20s %7s %7s %15s %8s %9s\n", "package", "guards", "killed", "held elsewhere", "excused", "survived")
	for _, t := range r.Packages {
		fmt.Fprintf(&b, "%-20s %7d %7d %15d %8d %9d\n", t.Package, t.Guards, t.Killed, t.Held, t.Excused, t.Survived)
	}
	fmt.Fprintf(&b, "%.0f seconds of processor time\n", r.Seconds)
	_, err := io.WriteString(w, b.String())
	return err
}

// rank puts what must be looked at last, where a terminal shows it.
func rank(state string) int {
	return slices.Index([]string{killed, elsewhere, excused, survived}, state)
}
