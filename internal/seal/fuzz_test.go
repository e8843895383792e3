package seal_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/seal"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, text := range []string{
		``, `null`, `{}`, `[]`, `{"role":"viewer","ROLE":"admin"}`, `{"role":"a","role":"b"}`, `{"role":"\u0000"}`, `{"role":"\ud83d\ude00"}`,
		`{"role":"\ud83d"}`, `{"count":9007199254740993}`, `{"count":1e3}`, `{"count":-0}`, `{"inner":{"inner":{"list":[{},{}]}}}`,
		strings.Repeat("[", 70), "{\"role\":\"\xff\"}", `{"more":{"a":"\\u0000"}}`, ` {"role" : "x" } `, "\ufeff{}",
	} {
		f.Add([]byte(text))
	}
}

// What Decode accepts can be stored by both databases and means the same to every other strict reader.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r request
		if seal.Decode(b, &r) != nil {
			return
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("%q cannot be written back: %v", b, err)
		}
		if !utf8.Valid(out) || bytes.Contains(out, []byte(`\u0000`)) && !bytes.Contains(out, []byte(`\\u0000`)) {
			t.Fatalf("%q holds what cannot be stored: %q", b, out)
		}
		var again request
		if err := seal.Decode(out, &again); err != nil {
			t.Fatalf("%q became %q: %v", b, out, err)
		}
	})
}

// The canonical form of a canonical form is itself, and it still means the same.
func FuzzCanonical(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := seal.Canonical(jsontext.Value(b))
		if err != nil {
			return
		}
		twice, err := seal.Canonical(jsontext.Value(once))
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%q became %q, then %q, %v", b, once, twice, err)
		}
		var v, w any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("%q has a canonical form but cannot be read: %v", b, err)
		}
		if err := json.Unmarshal(once, &w); err != nil {
			t.Fatal(err)
		}
		x, errX := json.Marshal(v, json.Deterministic(true))
		y, errY := json.Marshal(w, json.Deterministic(true))
		if errX != nil || errY != nil || string(x) != string(y) {
			t.Fatalf("%q means %s, its canonical form %s", b, x, y)
		}
	})
}

// No envelope but the one that was signed opens.
func FuzzOpenEnvelope(f *testing.F) {
	key := newKey(f)
	env := signed(f, key, kind)
	text, err := json.Marshal(env)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"AAAA"}]}`))
	f.Add(bytes.Replace(text, []byte(`"keyid"`), []byte(`"keyID"`), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e seal.Envelope
		if seal.Decode(b, &e) != nil {
			return
		}
		if _, err := seal.Open[predicate](&e, kind, key); err == nil && e.Payload != env.Payload {
			t.Errorf("%q opened", b)
		}
	})
}
