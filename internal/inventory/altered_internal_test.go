package inventory

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
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

// A record is stored as the encoder of the program writes it, so that what older programs stored and what this one stores are the same.
func TestARecordIsStoredAsItsEncoderWritesIt(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same records every time
	for range 2_000 {
		rec := randomRecord(random)
		got, err := rec.encode(rec.paths())
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(rec, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Fatalf("stored\n%s\nwant\n%s", got, want)
		}
	}
	bad := Record{Name: "\xff"}
	if _, err := bad.encode(nil); err == nil {
		t.Error("a text that is no UTF-8 was stored")
	}
	large := Record{Attrs: map[string]Value{"a": Text(strings.Repeat("x", maxRecord))}}
	if _, err := large.encode(large.paths()); err == nil {
		t.Error("a record of more than 4 MiB was stored")
	}
}

// What is compared out of the stored texts is what comparing the records finds, whoever wrote the older one and however.
func TestStoredWordingsAreComparedAsTheirRecordsAre(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same records every time
	fast := 0
	for n := range 4_000 {
		was, is := randomRecord(random), randomRecord(random)
		if n%2 == 0 { // two wordings that have most in common, as in life
			is = alter(random, was)
		}
		before, err := was.encode(was.paths())
		if err != nil {
			t.Fatal(err)
		}
		switch n % 5 { // as another program might have written it
		case 3:
			before = strings.ReplaceAll(strings.ReplaceAll(before, "ü", `\u00fc`), "日", `\u65e5`)
		case 4:
			before = strings.Replace(before, `,"type":`, `, "type" : `, 1)
		default:
			if _, _, ok := apart(before); ok {
				fast++
			}
		}
		after, err := is.encode(is.paths())
		if err != nil {
			t.Fatal(err)
		}
		got, err := against("d", before, &is, after)
		if err != nil {
			t.Fatalf("%s: %v", before, err)
		}
		if want := alteredIn(was.Attrs, is.Attrs); !slices.Equal(got.attrs, want) {
			t.Fatalf("of\n%s\nand\n%s\nfound %q\nwant  %q", before, after, got.attrs, want)
		}
		bare := got.bare
		bare.Attrs, bare.Volatile, was.Attrs, was.Volatile = nil, nil, nil, nil
		if !reflect.DeepEqual(bare, was) {
			t.Fatalf("the rest is\n%+v\nwant\n%+v", bare, was)
		}
	}
	if fast < 2_000 {
		t.Errorf("%d stored texts were taken apart, the others were read whole: want all that this program wrote", fast)
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

// FuzzApart: whatever stands in the database, taking it apart agrees with reading it, or declines.
func FuzzApart(f *testing.F) {
	f.Add(`{"scope":"s","type":"t","class":"Host","native":"n","name":"x","attrs":{"a":"\"1\"","b":"2"},"ids":[{"kind":"ip","value":"v"}]}`, `{"attrs":{"b":"3"}}`)
	f.Add(`{"attrs":{}}`, `{"attrs":{"a":"\u00fc"}}`)
	f.Add(`{"attrs":"x","volatile":[]}`, `{}`)
	f.Add(`{"attrs":[{"a":1}]}`, `{"attrs":{"a":1}}`)
	f.Fuzz(func(t *testing.T, was, is string) {
		var a, b Record
		if json.Unmarshal([]byte(was), &a) != nil || json.Unmarshal([]byte(is), &b) != nil {
			_, _ = against("", was, &b, is) // it may not panic
			return
		}
		for _, m := range []map[string]Value{a.Attrs, b.Attrs} { // no value is no member
			for _, v := range m {
				if v == "" {
					return
				}
			}
		}
		got, err := against("", was, &b, is)
		if err != nil {
			t.Fatalf("%q can be read, but not compared: %v", was, err)
		}
		if want := alteredIn(a.Attrs, b.Attrs); !slices.Equal(got.attrs, want) {
			t.Fatalf("of %q and %q found %q, want %q", was, is, got.attrs, want)
		}
	})
}
