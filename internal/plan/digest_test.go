package plan

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"plumbline.dev/plumb/internal/seal"
)

func digestOf(t testing.TB, raw []byte, key []byte) string {
	t.Helper()
	d, _ := mustRead(t, raw, key).Normalized()
	return d
}

// Two plans of one configuration, made a second apart by the real tool: their saved files and their
// JSON differ, what they will do is the same.
func TestPlanMadeAgainIsEqual(t *testing.T) {
	t.Parallel()
	a, b := fixture(t, "create.json"), fixture(t, "create-again.json")
	if bytes.Equal(a, b) {
		t.Fatal("the fixtures do not differ at all")
	}
	if x, y := digestOf(t, a, testKey), digestOf(t, b, testKey); x != y || x == "" {
		t.Errorf("digests %s and %s", x, y)
	}
	if x, y := digestOf(t, a, testKey), digestOf(t, fixture(t, "create-other-secret.json"), testKey); x == y {
		t.Error("another password, and the same digest")
	}
	if x, y := digestOf(t, a, testKey), digestOf(t, a, []byte("another key of 32 bytes, as it is")); x == y {
		t.Error("another key, and the same digest")
	}
}

func TestNoDigestWithoutKeyWhereSecretsAre(t *testing.T) {
	t.Parallel()
	d, why := mustRead(t, fixture(t, "create.json"), nil).Normalized()
	if d != "" || why == "" {
		t.Errorf("digest %q, reason %q", d, why)
	}
	p := mustRead(t, []byte(mini), nil)
	d, why = p.Normalized()
	if d == "" || why != "" || d != digestOf(t, []byte(mini), testKey) {
		t.Errorf("a plan without secrets needs no key: %q, %q", d, why)
	}
}

// What people read of a plan without the key has a digest of its own: the same for the same file, another
// for another plan, and none where the normalized one says it all.
func TestWhatIsShownWithoutAKeyHasADigest(t *testing.T) {
	t.Parallel()
	bare := mustRead(t, fixture(t, "create.json"), nil)
	stored, err := ParseDocument(bare.Document())
	if err != nil {
		t.Fatal(err)
	}
	if bare.Shown() == "" || stored.Shown() != bare.Shown() {
		t.Errorf("shown is %q, and %q of the stored document", bare.Shown(), stored.Shown())
	}
	normal, _ := mustRead(t, []byte(mini), nil).Normalized()
	nothing := mustRead(t, fixture(t, "noop.json"), nil)
	for name, other := range map[string]string{"another plan": mustRead(t, fixture(t, "update.json"), nil).Shown(),
		"nothing": nothing.Shown(), "a normalized digest": normal, "no digest": ""} {
		if other == bare.Shown() {
			t.Errorf("%s has the digest of what was shown", name)
		}
	}
	if nothing.Shown() == "" || nothing.Shown() != mustRead(t, fixture(t, "noop.json"), testKey).Shown() {
		t.Error("a plan that changes nothing shows that, with and without a key")
	}
	if keyed := mustRead(t, fixture(t, "create.json"), testKey); keyed.Shown() != "" || !keyed.Keyed() || bare.Keyed() {
		t.Error("what has a normalized digest needs no other, and only keyed markers are keyed")
	}
}

func TestNoDigestOfNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"noop.json", "refresh-only.json"} {
		p := mustRead(t, fixture(t, name), testKey)
		if d, why := p.Normalized(); d != "" || why == "" || p.Counts().Changes() != 0 {
			t.Errorf("%s: digest %q, reason %q", name, d, why)
		}
	}
}

// The form is written down for others: this is it, byte for byte.
func TestNormalizedForm(t *testing.T) {
	t.Parallel()
	want := seal.Digest("plumb.plan.v1", []byte(`r {"actions":["update"],"address":"aws_thing.a","after":{"x":2},"after_unknown":{},"before":{"x":1},`+
		`"mode":"managed","name":"a","provider":"registry.terraform.io/hashicorp/aws","type":"aws_thing"}`+"\n"))
	if got := digestOf(t, []byte(mini), nil); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// flips are single differences in what a plan will do; each must change the digest.
var flips = map[string][2]string{
	"address":            {`"address":"aws_thing.a","mode":"managed","type":"aws_thing","name":"a"`, `"address":"aws_thing.b","mode":"managed","type":"aws_thing","name":"b"`},
	"module":             {`"address":"aws_thing.a"`, `"module_address":"module.m","address":"module.m.aws_thing.a"`},
	"index":              {`"address":"aws_thing.a"`, `"address":"aws_thing.a[0]"`},
	"previous address":   {`"address":"aws_thing.a"`, `"address":"aws_thing.a","previous_address":"aws_thing.b"`},
	"deposed":            {`"address":"aws_thing.a"`, `"address":"aws_thing.a","deposed":"0123abcd"`},
	"action":             {`["update"]`, `["delete","create"]`},
	"order of actions":   {`["update"]`, `["create","delete"]`},
	"before":             {`{"x":1}`, `{"x":0}`},
	"after":              {`{"x":2}`, `{"x":3}`},
	"kind":               {`{"x":2}`, `{"x":"2"}`},
	"large number":       {`{"x":2}`, `{"x":9007199254740993}`},
	"next large number":  {`{"x":2}`, `{"x":9007199254740992}`},
	"null":               {`{"x":2}`, `{"x":null}`},
	"absent":             {`{"x":2}`, `{}`},
	"name":               {`{"x":2}`, `{"y":2}`},
	"more":               {`{"x":2}`, `{"x":2,"y":""}`},
	"unknown":            {`"after_unknown":{}`, `"after_unknown":{"x":true}`},
	"replace path":       {`"after_unknown"`, `"replace_paths":[["x"]],"after_unknown"`},
	"other replace path": {`"after_unknown"`, `"replace_paths":[["x",0]],"after_unknown"`},
	"import":             {`"after_unknown"`, `"importing":{"id":"a"},"after_unknown"`},
	"other import":       {`"after_unknown"`, `"importing":{"id":"b"},"after_unknown"`},
	"provider":           {`hashicorp/aws`, `elsewhere/aws`},
	"now sensitive":      {`"after_sensitive":{}`, `"after_sensitive":{"x":true}`},
	"password":           {`{"x":2}`, `{"password":"a-canary"}`},
	"other password":     {`{"x":2}`, `{"password":"b-canary"}`},
	"in a text":          {`{"x":2}`, `{"x":"u=a password=a-canary"}`},
	"in another text":    {`{"x":2}`, `{"x":"u=a password=b-canary"}`},
	"in json":            {`{"x":2}`, `{"x":"{\"password\":\"a-canary\"}"}`},
	"spaced json":        {`{"x":2}`, `{"x":"{\"password\": \"a-canary\"}"}`},
	"output":             {`"configuration"`, out("1") + `,"configuration"`},
	"other output":       {`"configuration"`, out("2") + `,"configuration"`},
	"second resource": {`"resource_changes":[`, `"resource_changes":[{"address":"aws_thing.z","mode":"managed","type":"aws_thing","name":"z","provider_name":"p",` +
		`"change":{"actions":["create"],"before":null,"after":{},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}}},`},
}

func TestEveryDifferenceChangesTheDigest(t *testing.T) {
	t.Parallel()
	seen := map[string]string{digestOf(t, []byte(mini), testKey): "the plan itself"}
	for name, f := range flips {
		d := digestOf(t, []byte(edit(f[0], f[1])), testKey)
		if other, twice := seen[d]; twice || d == "" {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
}

func TestWhatOnlyDiffersFromRunToRunDoesNot(t *testing.T) {
	t.Parallel()
	want := digestOf(t, []byte(mini), testKey)
	for name, f := range map[string][2]string{
		"timestamp":    {"2026-01-01", "2027-01-01"},
		"tool":         {"1.11.4", "1.11.5"},
		"format":       {`"1.2"`, `"1.9"`},
		"reason":       {`"change":{`, `"action_reason":"replace_because_tainted","change":{`},
		"spaces":       {`{"x":2}`, " {\n\t\"x\" : 2 } "},
		"escapes":      {`{"x":2}`, `{"\u0078":2}`},
		"no-op":        {`"resource_changes":[`, `"resource_changes":[{"address":"aws_thing.z","mode":"managed","type":"aws_thing","name":"z","provider_name":"p","change":{"actions":["no-op"],"before":{},"after":{}}},`},
		"drift":        {`"configuration"`, drift("1") + `,"configuration"`},
		"variable":     {`{"value":"x"}`, `{"value":"y"}`},
		"relevant":     {`"configuration"`, `"relevant_attributes":[{"resource":"a","attribute":["b"]}],"configuration"`},
		"no-op output": {`"configuration"`, strings.Replace(out("1"), "create", "no-op", 1) + `,"configuration"`},
	} {
		if got := digestOf(t, []byte(edit(f[0], f[1])), testKey); got != want {
			t.Errorf("%s changes the digest", name)
		}
	}
}

// tree is a JSON value that can be written in many ways and changed in one place.
type tree struct {
	leaf  string // raw; "" for an object or array
	names []string
	kids  []*tree
}

func trees(depth int) *rapid.Generator[*tree] {
	return rapid.Custom(func(t *rapid.T) *tree {
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		switch {
		case depth == 0 || kind < 5:
			text := rapid.SampledFrom([]string{"a", "web server", "é😀\n\"", "password=canary-x", "AKIAIOSFODNN7CANARY1", `{"a":[1,"b"],"token":"t-canary"}`, "", "x/y~z"}).Draw(t, "text")
			raw := string(quote(nil, text))
			return &tree{leaf: rapid.SampledFrom([]string{raw, raw, "1", "-2.5e10", "9007199254740993", "true", "false"}).Draw(t, "leaf")}
		case kind < 8:
			n := &tree{names: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "tags", "db_password", "name", "value", "é", "😀", "\uffee", "x/y~", ""}), 0, 4, rapid.ID).Draw(t, "names")}
			for range n.names {
				n.kids = append(n.kids, trees(depth-1).Draw(t, "kid"))
			}
			if n.names == nil {
				n.names = []string{}
			}
			return n
		}
		return &tree{kids: rapid.SliceOfN(trees(depth-1), 0, 3).Draw(t, "items")}
	})
}

// write writes the tree; with a t, in a random order of members and with random spaces.
func (n *tree) write(b *strings.Builder, t *rapid.T) {
	space := func() {
		if t != nil {
			b.WriteString(rapid.SampledFrom([]string{"", "", " ", "\n\t"}).Draw(t, "space"))
		}
	}
	space()
	if n.leaf != "" {
		b.WriteString(n.leaf)
		space()
		return
	}
	order := make([]int, len(n.kids))
	for i := range order {
		order[i] = i
	}
	open, end := "[", "]"
	if n.names != nil {
		open, end = "{", "}"
		if t != nil {
			order = rapid.Permutation(order).Draw(t, "order")
		}
	}
	b.WriteString(open)
	for i, k := range order {
		if i > 0 {
			b.WriteString(",")
		}
		if n.names != nil {
			space()
			b.Write(quote(nil, n.names[k]))
			space()
			b.WriteString(":")
		}
		n.kids[k].write(b, t)
	}
	b.WriteString(end)
	space()
}

func (n *tree) String() string {
	var b strings.Builder
	n.write(&b, nil)
	return b.String()
}

// leavesOf gives every leaf and every empty object or array.
func (n *tree) leavesOf() []*tree {
	if n.leaf != "" || len(n.kids) == 0 {
		return []*tree{n}
	}
	var out []*tree
	for _, k := range n.kids {
		out = append(out, k.leavesOf()...)
	}
	return out
}

// maskOf draws a mask that fits the tree.
func (n *tree) maskOf(t *rapid.T) string {
	switch {
	case rapid.IntRange(0, 5).Draw(t, "all") == 0:
		return "true"
	case n.leaf != "":
		return "false"
	}
	var parts []string
	for i, k := range n.kids {
		m := k.maskOf(t)
		if n.names != nil {
			m = string(quote(nil, n.names[i])) + ":" + m
		}
		parts = append(parts, m)
	}
	if n.names != nil {
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func planOf(before, after, beforeMask, afterMask, rest string) []byte {
	return []byte(`{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{},"resource_changes":[` +
		`{"address":"a_b.c","mode":"managed","type":"a_b","name":"c","provider_name":"p","change":{"actions":["update"],"before":` + before +
		`,"after":` + after + `,"after_unknown":{},"before_sensitive":` + beforeMask + `,"after_sensitive":` + afterMask + `}}]` + rest + `}`)
}

func TestDigestIsAboutMeaning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := trees(3).Draw(t, "before"), trees(3).Draw(t, "after")
		bm, am := before.maskOf(t), after.maskOf(t)
		read := func(raw []byte) (string, *Plan) {
			p, err := Read(bytes.NewReader(raw), Options{Key: testKey})
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			d, _ := p.Normalized()
			return d, p
		}
		want, p := read(planOf(before.String(), after.String(), bm, am, ""))

		var b, a strings.Builder
		before.write(&b, t)
		after.write(&a, t)
		if got, _ := read(planOf(b.String(), a.String(), bm, am, `,"timestamp":"x"`)); got != want {
			t.Fatalf("the same plan, written otherwise, has another digest\n%s\n%s", a.String(), after)
		}
		doc := p.Document()
		back, err := ParseDocument(doc)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if got, _ := back.Normalized(); got != want {
			t.Fatalf("the server computes another digest")
		}
		if bytes.Contains(doc, []byte("canary")) || bytes.Contains(doc, []byte("CANARY")) {
			t.Fatalf("a secret leaves: %s", doc)
		}

		side, old := before, ""
		if rapid.Bool().Draw(t, "side") {
			side = after
		}
		leaf := rapid.SampledFrom(side.leavesOf()).Draw(t, "leaf")
		old, leaf.leaf = leaf.leaf, rapid.SampledFrom([]string{`"changed"`, "7", `"c-canary"`, "9007199254740994", `{"z":0}`, "[7]"}).Draw(t, "flip")
		if got, _ := read(planOf(before.String(), after.String(), bm, am, "")); got == want && old != leaf.leaf {
			t.Fatalf("%s became %s, and the digest stayed", old, leaf.leaf)
		}
	})
}

func TestValuesAreWrittenCanonically(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		trees(4).Draw(t, "value").write(&b, t)
		got := newRedactor(newSecrets(testKey)).redact("a", "", []byte(b.String()), nil, state{})
		again := jsontext.Value(bytes.Clone(got))
		if err := again.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil || !bytes.Equal(got, again) {
			t.Fatalf("%s is not canonical: %s, %v", got, again, err)
		}
	})
}

// find must see exactly the secrets that a search one by one sees.
func TestKnownSecretsAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab]{6,9}`)
		secrets := rapid.SliceOfN(word, 0, 12).Draw(t, "secrets")
		text := rapid.StringMatching(`[ab ]{0,40}`).Draw(t, "text")
		s := newSecrets(nil)
		for _, w := range secrets {
			s.add(w)
		}
		s.settle()
		covered := make([]bool, len(text))
		for _, p := range s.find(nil, []byte(text), leastInside) {
			for i := p.from; i < p.to; i++ {
				covered[i] = true
			}
		}
		want := make([]bool, len(text))
		for _, w := range secrets {
			for i := 0; i+len(w) <= len(text); i++ {
				for k := range w {
					want[i+k] = want[i+k] || text[i:i+len(w)] == w
				}
			}
		}
		if fmt.Sprint(covered) != fmt.Sprint(want) {
			t.Fatalf("secrets %q in %q: %v, want %v", secrets, text, covered, want)
		}
	})
}
