package plan

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// FuzzRead: no input makes it panic, nothing of a refused plan is in the error, and what is accepted
// is accepted by the server too, with the same digest. In the second part a secret is declared
// sensitive and planted, with any text around it, in another place: it must never be seen.
func FuzzRead(f *testing.F) {
	for _, x := range fixtures {
		f.Add(fixture(f, x.name), "", "", uint8(1))
	}
	for _, v := range planted {
		f.Add([]byte(mini), v, "\"], ", uint8(len(v)))
	}
	for _, flip := range flips {
		f.Add([]byte(edit(flip[0], flip[1])), "https://a:", "@b", uint8(len(flip[1])))
	}
	places := slices.Sorted(maps.Keys(positions))
	for i, name := range places {
		f.Add([]byte(positions[name](`"canary-pw"`)), `{"a":"`, `"}`, uint8(2*i))
		f.Add([]byte(mini), "", "", uint8(2*i+1))
	}
	f.Fuzz(func(t *testing.T, raw []byte, head, tail string, where uint8) {
		key := testKey
		if where%2 == 0 {
			key = nil
		}
		if p, err := Read(bytes.NewReader(raw), Options{Key: key}); err == nil {
			survives(t, p)
		} else if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "canary") {
			t.Fatalf("a refusal quotes the plan: %v", err)
		}
		if len(head)+len(tail) > 1<<10 {
			return
		}
		const secret = "CaNaRy+0"
		text := string(quote(nil, head+secret+tail))
		// The secret is declared in the state; the planted text holds it verbatim.
		name := places[int(where)/2%len(places)]
		plan := strings.Replace(positions[name](text), `"configuration":{"root_module":{`,
			`"prior_state":{"values":{"outputs":{"o":{"sensitive":true,"value":"`+secret+`"}}}},"configuration":{"root_module":{`, 1)
		p, err := Read(strings.NewReader(plan), Options{Key: key})
		if err != nil {
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
				t.Fatalf("%s: a refusal quotes the plan: %v", name, err)
			}
			return
		}
		if out := leaves(p); strings.Contains(out, secret) {
			t.Fatalf("in %s the secret leaves: %s", name, out)
		}
		survives(t, p)
	})
}

func survives(t *testing.T, p *Plan) {
	t.Helper()
	doc := p.Document()
	q, err := ParseDocument(doc)
	if err != nil {
		t.Fatalf("the server refuses what was read: %v\n%s", err, doc)
	}
	a, _ := p.Normalized()
	b, _ := q.Normalized()
	if a != b || !bytes.Equal(q.Document(), doc) {
		t.Fatalf("the server sees another plan:\n%s\n%s", doc, q.Document())
	}
	q.Summary()
	if list, cut := q.Effects(10); cut && len(list) != 10 {
		t.Fatalf("%d effects, truncated %v", len(list), cut)
	}
}

// FuzzParseDocument: no input makes it panic, and what is accepted is written back byte for byte.
func FuzzParseDocument(f *testing.F) {
	for _, x := range fixtures {
		for _, key := range [][]byte{testKey, nil} {
			p := mustRead(f, fixture(f, x.name), key)
			f.Add(p.Document())
		}
	}
	f.Add([]byte(mini))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseDocument(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Document(), b) {
			t.Fatalf("accepted, and written back otherwise:\n%s\n%s", b, p.Document())
		}
		p.Summary()
		p.Effects(0)
		p.Normalized()
	})
}

// FuzzReadApply: no stream makes it panic or hang, no planted secret is shown, and nothing is counted
// as complete that did not say so.
func FuzzReadApply(f *testing.F) {
	for _, name := range []string{"apply-ok.jsonl", "apply-failed.jsonl", "apply-destroy.jsonl"} {
		f.Add(fixture(f, name))
	}
	f.Add([]byte(started + broke + summed + planned + hollow))
	f.Add([]byte("x\xff CaNaRy+0 -----BEGIN \n{\"type\":\"CaNaRy+0\"}\n"))
	known := newSecrets(testKey)
	known.add("CaNaRy+0")
	known.settle()
	f.Fuzz(func(t *testing.T, b []byte) {
		var shown strings.Builder
		out, err := ReadApply(bytes.NewReader(b), ApplyOptions{Known: known, MaxLine: 1 << 14}, func(e Event) { fmt.Fprintf(&shown, "%+v\n", e) })
		if err != nil {
			t.Fatal(err)
		}
		if text := shown.String() + fmt.Sprintf("%+v", out); strings.Contains(text, "CaNaRy+0") {
			t.Fatalf("a secret is shown: %s", text)
		}
		if out.Result == Complete && !bytes.Contains(b, []byte("change_summary")) && !bytes.Contains(b, []byte(`\u`)) {
			t.Fatalf("complete without a word of it: %s", b)
		}
		var scrubbed bytes.Buffer
		s := NewScrubber(&scrubbed, known)
		if _, err := s.Write(b); err != nil || s.Close() != nil || bytes.Contains(scrubbed.Bytes(), []byte("CaNaRy+0")) {
			t.Fatalf("%v: %q", err, scrubbed.String())
		}
	})
}
