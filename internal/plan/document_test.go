package plan

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

func TestDocumentsComeBackWhole(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		for _, key := range [][]byte{testKey, nil} {
			p := mustRead(t, fixture(t, f.name), key)
			doc := p.Document()
			back, err := ParseDocument(doc)
			if err != nil {
				t.Errorf("%s, key %v: %v", f.name, key != nil, err)
				continue
			}
			if !bytes.Equal(back.Document(), doc) {
				t.Errorf("%s: the document changes on its way", f.name)
			}
			a, whyA := p.Normalized()
			b, whyB := back.Normalized()
			if a != b || whyA != whyB {
				t.Errorf("%s: digest %q (%s), on the server %q (%s)", f.name, a, whyA, b, whyB)
			}
			s, _ := json.Marshal(p.Summary())
			r, _ := json.Marshal(back.Summary())
			if !bytes.Equal(s, r) || back.Secrets() != nil {
				t.Errorf("%s: the summary changes on its way", f.name)
			}
		}
	}
}

// The writer by hand and the JSON names on the fields must agree, and the bytes be canonical.
func TestDocumentIsCanonical(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		p := mustRead(t, fixture(t, f.name), testKey)
		byTags, err := json.Marshal(&p.doc, json.Deterministic(true))
		if err != nil || !bytes.Equal(byTags, p.Document()) {
			t.Errorf("%s: %v\n%s\n%s", f.name, err, byTags, p.Document())
		}
		v := jsontext.Value(bytes.Clone(byTags))
		if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil || !bytes.Equal(v, byTags) {
			t.Errorf("%s is not canonical: %v", f.name, err)
		}
		if n := p.doc.size(); n < len(byTags) || n > 2*len(byTags)+4096 {
			t.Errorf("%s: %d bytes were reckoned for %d", f.name, n, len(byTags))
		}
	}
}

func swap(doc, old, new string) string {
	if !strings.Contains(doc, old) {
		panic("test: nothing to replace: " + old)
	}
	return strings.Replace(doc, old, new, 1)
}

// A document comes from a client. Whatever a client makes up, the server reads it as written or not at all.
func TestForeignDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	keyed := string(mustRead(t, fixture(t, "update.json"), testKey).Document())
	first := keyed[strings.Index(keyed, `{"action_reason":"delete_because_count_index"`):]
	first = first[:strings.Index(first, `{"actions":["update"]`)-1]
	for _, c := range []struct{ name, doc, code string }{
		{"nothing", "", "bad_json"},
		{"a plan", mini, "unknown_member"},
		{"an empty object", "{}", "bad_plan_document"},
		{"another format", swap(keyed, "document.v1", "document.v2"), "bad_plan_document"},
		{"a space", swap(keyed, `"complete":true`, `"complete": true`), "bad_plan_document"},
		{"a line end", keyed + "\n", "bad_plan_document"},
		{"a member missing", swap(keyed, `"keyed":true,`, ""), "bad_plan_document"},
		{"a member more", swap(keyed, `"keyed":true,`, `"keyed":true,"kez":1,`), "unknown_member"},
		{"a member twice", swap(keyed, `"keyed":true,`, `"keyed":true,"keyed":true,`), "duplicate_member"},
		{"a member in capitals", swap(keyed, `"keyed":true,`, `"Keyed":true,`), "unknown_member"},
		{"members out of order", swap(keyed, `"applyable":true,"checks":[`, `"checks":[`)[:len(keyed)-len(`"applyable":true,`)-1] + `,"applyable":true}`, "bad_plan_document"},
		{"a value out of order", swap(keyed, `"after":{"id":"`, `"after":{"zz":1,"id":"`), "bad_plan_document"},
		{"a value with an escape", swap(keyed, `"size":3`, `"\u0073ize":3`), "bad_plan_document"},
		{"an empty row", swap(keyed, `"resource_changes":[`, `"resource_changes":[{},`), "bad_plan_document"},
		{"an endless list of nothing", `{"resource_changes":[` + strings.Repeat("{},", 1<<20), "bad_plan_document"},
		{"a null list", swap(keyed, `"resource_drift":[]`, `"resource_drift":null`), "bad_plan_document"},
		{"an unknown action", swap(keyed, `"actions":["update"],"address"`, `"actions":["destroy"],"address"`), "unknown_action"},
		{"an action left out", swap(keyed, `"actions":["update"],"address"`, `"actions":[],"address"`), "unknown_action"},
		{"an idle row", swap(keyed, `"actions":["update"],"address"`, `"actions":["no-op"],"address"`), "bad_plan_document"},
		{"another type", swap(keyed, `"type":"terraform_data"`, `"type":"harmless_data"`), "bad_plan_document"},
		{"another name", swap(keyed, `"name":"taken"`, `"name":"other"`), "bad_plan_document"},
		{"another mode", swap(keyed, `"mode":"managed"`, `"mode":"data"`), "bad_plan_document"},
		{"a mode that is none", swap(keyed, `"mode":"managed"`, `"mode":"x"`), "bad_plan"},
		{"an address that is none", swap(keyed, `"address":"terraform_data.count[1]"`, `"address":"terraform_data.count[1"`), "bad_plan_document"},
		{"a row twice", swap(keyed, first, first+","+first), "bad_plan_document"},
		{"rows out of order", swap(swap(keyed, first+",", ""), `],"resource_drift"`, ","+first+`],"resource_drift"`), "bad_plan_document"},
	} {
		if _, err := ParseDocument([]byte(c.doc)); !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
}

func TestDocumentsThatContradictThemselvesAreRefused(t *testing.T) {
	t.Parallel()
	keyed := string(mustRead(t, fixture(t, "update.json"), testKey).Document())
	bare := string(mustRead(t, fixture(t, "update.json"), nil).Document())
	for _, c := range []struct{ name, doc, code string }{
		{"a lie about the key", swap(keyed, `"keyed":true`, `"keyed":false`), "bad_plan_document"},
		{"the other lie", swap(bare, `"keyed":false`, `"keyed":true`), "bad_plan_document"},
		{"a bare marker among keyed", swap(keyed, `"size":3`, `"size":"(sensitive)"`), "bad_plan_document"},
		{"complete without saying so", swap(keyed, `"stated":true`, `"stated":false`), "bad_plan_document"},
		{"complete with an error", swap(keyed, `"errored":false`, `"errored":true`), "bad_plan_document"},
		{"a negative count", swap(keyed, `"noop":5`, `"noop":-5`), "bad_plan_document"},
		{"a count that is none", swap(keyed, `"noop":5`, `"noop":5.5`), "bad_json"},
		{"a version that is none", swap(keyed, `"1.11.4"`, `"a b"`), "bad_plan_document"},
		{"a format of the future", swap(keyed, `"format_version":"1.2"`, `"format_version":"2.2"`), "bad_plan_document"},
		{"a check of no known status", swap(keyed, `"status":"fail"`, `"status":"fine"`), "bad_plan_document"},
		{"an output that does not change", swap(keyed, `{"actions":["update"],"after":"(sens`, `{"actions":["no-op"],"after":"(sens`), "bad_plan_document"},
		{"an output without a name", swap(keyed, `"name":"hidden"`, `"name":""`), "bad_plan_document"},
		{"an output out of order", swap(keyed, `"name":"hidden"`, `"name":"zoo"`), "bad_plan_document"},
		{"an output twice", swap(keyed, `"name":"list"`, `"name":"hidden"`), "bad_plan_document"},
		{"a section with content", swap(keyed, `"ignored":[],"keyed"`, `"ignored":[{"mark":"content","name":"x"}],"keyed"`), "bad_plan_document"},
		{"an import that is none", swap(keyed, `"importing":{"id":"imported-id-1"}`, `"importing":"x"`), "bad_plan_document"},
		{"paths that are none", swap(keyed, `"replace_paths":[["triggers_replace"]]`, `"replace_paths":"x"`), "bad_plan_document"},
		{"a deep value", swap(keyed, `"size":3`, `"size":`+strings.Repeat("[", 70)+strings.Repeat("]", 70)), "too_deep"},
		{"bad UTF-8", swap(keyed, `"taken over"`, "\"\xff\""), "bad_utf8"},
	} {
		if _, err := ParseDocument([]byte(c.doc)); !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	if _, err := ParseDocument(make([]byte, MaxPlan+1)); !fault.Is(err, "plan_too_large") {
		t.Errorf("a document over the limit: %v", err)
	}
}

// The pair of document and digest cannot lie: whoever changes what the document says changes the
// digest that the server computes.
func TestChangedDocumentHasAnotherDigest(t *testing.T) {
	t.Parallel()
	doc := string(mustRead(t, fixture(t, "update.json"), testKey).Document())
	p, err := ParseDocument([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := p.Normalized()
	for _, f := range [][2]string{{`"size":3`, `"size":4`}, {`"taken over"`, `"taken under"`}, {"imported-id-1", "imported-id-2"},
		{`[["triggers_replace"]]`, `[["input"]]`}, {`"previous_address":"terraform_data.one"`, `"previous_address":"terraform_data.two"`},
		{`"output":true`, `"output":false`}, {"terraform.io/builtin", "terraform.io/foreign"}} {
		q, err := ParseDocument([]byte(strings.Replace(doc, f[0], f[1], 1)))
		if err != nil {
			t.Errorf("%s: %v", f[1], err)
			continue
		}
		if got, _ := q.Normalized(); got == want {
			t.Errorf("%s leaves the digest as it was", f[1])
		}
	}
	i := strings.Index(doc, keyedMarker) + len(keyedMarker)
	other := doc[:i] + "0123456789abcdef" + doc[i+16:]
	if q, err := ParseDocument([]byte(other)); err != nil {
		t.Error(err)
	} else if got, _ := q.Normalized(); got == want {
		t.Error("another marker leaves the digest as it was")
	}
}
