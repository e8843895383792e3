package inventory

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// odd texts: what JSON escapes, what looks like its syntax, what sorts beyond the first plane.
var oddTexts = []string{"a", "b.c", `q"uote`, `back\slash`, `end\`, "line\nfeed", "tab\t", "<&>", "ü", "日本", "\U0001F600", "\u2028", "{", "}", `","`, `":"`, "[", "attrs", "\x01", ""}

func randomRecord(r *rand.Rand) Record {
	text := func() string { return oddTexts[r.IntN(len(oddTexts))] }
	rec := Record{Scope: text(), Type: "t" + text(), Class: Host, Native: "n" + text(), Name: text(), Actor: text()}
	for range r.IntN(12) {
		if rec.Attrs == nil {
			rec.Attrs = map[string]Value{}
		}
		rec.Attrs["p"+text()+text()] = []Value{Text(text()), Number(int64(r.IntN(3))), Flag(true), Set(text(), text())}[r.IntN(4)]
	}
	for range r.IntN(3) {
		if rec.Volatile == nil {
			rec.Volatile = map[string]Value{}
		}
		rec.Volatile["v"+text()] = Text(text())
	}
	for range r.IntN(3) {
		if rec.Labels == nil {
			rec.Labels = map[string]string{}
		}
		rec.Labels["l"+text()] = text() + "x"
	}
	for range r.IntN(3) {
		rec.IDs = append(rec.IDs, Identifier{"ip", "i" + text()})
		rec.Edges = append(rec.Edges, Link{"USES", Identifier{"record", "e" + text()}})
	}
	rec.tidy()
	return rec
}

func TestWhatCannotBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	bad := Record{Name: "\xff"}
	if _, err := bad.encode(); err == nil {
		t.Error("a text that is no UTF-8 was stored")
	}
	large := Record{Attrs: map[string]Value{"a": Text(strings.Repeat("x", maxRecord))}}
	if _, err := large.encode(); err == nil {
		t.Error("a record of more than 4 MiB was stored")
	}
}

// What is found between a stored wording and a record is what differs between the records, whoever wrote the older one and however.
func TestStoredWordingsAreComparedAsTheirRecordsAre(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same records every time
	for n := range 2_000 {
		was, is := randomRecord(random), randomRecord(random)
		if n%2 == 0 { // two wordings that have most in common, as in life
			is = alter(random, was)
		}
		before, err := was.encode()
		if err != nil {
			t.Fatal(err)
		}
		switch n % 5 { // as another program might have written it
		case 3:
			before = strings.ReplaceAll(strings.ReplaceAll(before, "ü", `\u00fc`), "日", `\u65e5`)
		case 4:
			before = strings.Replace(before, `,"type":`, `, "type" : `, 1)
		}
		got, err := against("d", before, &is)
		if err != nil {
			t.Fatalf("%s: %v", before, err)
		}
		if n%2 == 0 && n%5 < 3 { // made of the older one: undone, it is that one again
			back := maps.Clone(is.Attrs)
			for _, x := range got.attrs {
				if back[x.path] = x.before; x.before == "" {
					delete(back, x.path)
				}
			}
			if !maps.Equal(back, was.Attrs) {
				t.Fatalf("of\n%s\nfound %q, and taken back it is\n%v", before, got.attrs, back)
			}
		}
		if want := alteredIn(was.Attrs, is.Attrs); !slices.Equal(got.attrs, want) {
			t.Fatalf("of\n%s\nfound %q\nwant  %q", before, got.attrs, want)
		}
		was.Attrs, was.Volatile = nil, nil
		if !reflect.DeepEqual(got.bare, was) {
			t.Fatalf("the rest is\n%+v\nwant\n%+v", got.bare, was)
		}
	}
}

// alter gives a record with some attributes changed, gone and new.
func alter(r *rand.Rand, was Record) Record {
	is := was
	is.Attrs = map[string]Value{}
	for k, v := range was.Attrs {
		switch r.IntN(6) {
		case 0:
		case 1:
			is.Attrs[k] = Text(fmt.Sprint(r.IntN(5)))
		default:
			is.Attrs[k] = v
		}
	}
	if r.IntN(3) == 0 {
		is.Attrs[oddTexts[r.IntN(len(oddTexts)-1)]] = Text("new")
	}
	return is
}
