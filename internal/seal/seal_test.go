package seal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

type request struct {
	Role  string            `json:"role,omitzero"`
	Count int64             `json:"count,omitzero"`
	More  map[string]string `json:"more,omitzero"`
	Inner *request          `json:"inner,omitzero"`
	List  []request         `json:"list,omitzero"`
}

func TestDecodeRefusesWhatParsersReadDifferently(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat(`{"inner":`, n) + `{}` + strings.Repeat(`}`, n) }
	for name, c := range map[string]struct{ text, code, at string }{
		"plain":                      {`{"role":"viewer","count":3,"more":{"a":"b"}}`, "", ""},
		"escapes":                    {`{"role":"\u0001 \n \ud83d\ude00 \\u0000 \""}`, "", ""},
		"as deep as allowed":         {deep(seal.MaxDepth - 1), "", ""},
		"one deeper":                 {deep(seal.MaxDepth), "too_deep", ""},
		"very deep":                  {strings.Repeat("[", 1000000), "too_deep", ""},
		"brackets in a text":         {`{"role":"` + strings.Repeat("[", 1000) + `"}`, "", ""},
		"twice":                      {`{"role":"viewer","role":"admin"}`, "duplicate_member", "role"},
		"twice by an escape":         {`{"role":"viewer","rol\u0065":"admin"}`, "duplicate_member", "role"},
		"twice in a map":             {`{"more":{"a":"1","a":"2"}}`, "duplicate_member", "more.a"},
		"case-shadowed":              {`{"role":"viewer","ROLE":"admin"}`, "unknown_member", "ROLE"},
		"another case alone":         {`{"Role":"admin"}`, "unknown_member", "Role"},
		"unknown":                    {`{"inner":{"approved":true}}`, "unknown_member", "inner.approved"},
		"bad UTF-8":                  {"{\"role\":\"\xff\"}", "bad_utf8", ""},
		"overlong UTF-8":             {"{\"role\":\"\xc0\x80\"}", "bad_utf8", ""},
		"NUL":                        {`{"role":"a\u0000b"}`, "bad_text", ""},
		"NUL in a name":              {`{"more":{"\u0000":"b"}}`, "bad_text", ""},
		"a real NUL":                 {"{\"role\":\"\x00\"}", "bad_json", "role"},
		"half a pair, first":         {`{"role":"\ud83d"}`, "bad_text", ""},
		"half a pair, second":        {`{"role":"\ude00"}`, "bad_text", ""},
		"pair the wrong way":         {`{"role":"\ude00\ud83d"}`, "bad_text", ""},
		"another type":               {`{"count":"3"}`, "bad_json", "count"},
		"a fraction for a count":     {`{"count":3.5}`, "bad_json", "count"},
		"too large for a count":      {`{"count":9223372036854775808}`, "bad_json", "count"},
		"a value after the value":    {`{} {}`, "bad_json", ""},
		"nothing":                    {``, "bad_json", ""},
		"cut off":                    {`{"role":"`, "bad_json", "role"},
		"cut off within an escape":   {`{"role":"\u00`, "bad_json", "role"},
		"cut off after a backslash":  {`{"role":"\`, "bad_json", "role"},
		"comment":                    {`{/**/}`, "bad_json", ""},
		"an array for an object":     {`[]`, "bad_json", ""},
		"byte order mark":            {"\ufeff{}", "bad_json", ""},
		"closing more than was open": {`}}}}`, "bad_json", ""},
	} {
		var r request
		err := seal.Decode([]byte(c.text), &r)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		e := fault.Of(err)
		if e.Code != c.code || e.Kind != fault.Invalid {
			t.Errorf("%s: %s %s (%v), want invalid %s", name, e.Kind, e.Code, errors.Unwrap(e), c.code)
		}
		if strings.Contains(e.Message, "admin") {
			t.Errorf("%s: the sentence %q shows what was submitted", name, e.Message)
		}
		if c.at != "" && (len(e.Fields) != 1 || e.Fields[0].Path != c.at) {
			t.Errorf("%s: fields = %+v, want %s", name, e.Fields, c.at)
		}
	}
}

func TestCanonicalIsRFC8785OfIntegers(t *testing.T) {
	t.Parallel()
	got, err := seal.Canonical(map[string]any{"b": []int{1, -2}, "a": "é\u2028\n<", "\U0001F600": nil, "\ufb33": true, "c": int64(1) << 53})
	if want := `{"a":"é` + "\u2028" + `\n<","b":[1,-2],"c":9007199254740992,"😀":null,"` + "\ufb33" + `":true}`; err != nil || string(got) != want {
		t.Errorf("canonical = %s, %v; want %s", got, err, want)
	}
	for name, v := range map[string]any{
		"a fraction": 0.5, "an exponent": 1e300, "too large": int64(1)<<53 + 1, "too small": -(int64(1)<<53 + 1), "unsigned": uint64(math.MaxUint64),
		"deep in a list": map[string]any{"a": []any{"x\"1.5", 1, 1.5}},
	} {
		if b, err := seal.Canonical(v); !errors.Is(err, seal.ErrNumber) {
			t.Errorf("%s: canonical = %s, %v; want ErrNumber", name, b, err)
		}
	}
	for name, v := range map[string]any{"not a number": math.NaN(), "bad UTF-8": "\xff", "a function": func() {}} {
		if b, err := seal.Canonical(v); err == nil {
			t.Errorf("%s: canonical = %s, want an error", name, b)
		}
	}
}

func TestADigestOfOneKindNeverStandsForAnother(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("plumb.rev.v1\nabc"))
	if got, want := seal.Digest("plumb.rev.v1", []byte("a"), []byte("bc")), "sha256:"+hex.EncodeToString(sum[:]); got != want {
		t.Errorf("digest = %s, want %s", got, want)
	}
	seen := map[string]string{}
	for name, digest := range map[string]string{
		"revision": seal.Digest("plumb.rev.v1", []byte("x")), "policy": seal.Digest("plumb.policy.v1", []byte("x")),
		"raw": seal.Raw([]byte("x")), "no parts": seal.Digest("plumb.rev.v1"),
	} {
		if other, twice := seen[digest]; twice {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[digest] = name
	}
	if seal.Keyed([]byte("k"), "ab", "c") == seal.Keyed([]byte("k"), "a", "bc") || seal.Keyed([]byte("k"), "a") == seal.Keyed([]byte("l"), "a") ||
		seal.Keyed([]byte("k"), "a") == seal.Keyed([]byte("k"), "a", "") {
		t.Error("two lists of parts collide under a key")
	}
}

type predicate struct {
	Change string `json:"change"`
}

const kind = "https://plumbline.dev/attestation/test/v1"

func signed(t testing.TB, key *seal.Key, predicateType string) *seal.Envelope {
	t.Helper()
	env, err := seal.Sign(key, seal.Statement[predicate]{PredicateType: predicateType, Predicate: predicate{"CHG-7"},
		Subject: []seal.Subject{{Name: "plan", Digest: map[string]string{"sha256": strings.Repeat("ab", 32)}}}})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func newKey(t testing.TB) *seal.Key {
	t.Helper()
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAnEnvelopeOpensOnlyUnchangedAndForItsKeyAndType(t *testing.T) {
	t.Parallel()
	key, other := newKey(t), newKey(t)
	s, err := seal.Open[predicate](signed(t, key, kind), kind, other, seal.PublicKey(key.PublicBytes()))
	if err != nil || s.Predicate.Change != "CHG-7" || s.Subject[0].Name != "plan" {
		t.Fatalf("open = %+v, %v", s, err)
	}
	for name, open := range map[string]func() (seal.Statement[predicate], error){
		"another key": func() (seal.Statement[predicate], error) {
			return seal.Open[predicate](signed(t, key, kind), kind, other)
		},
		"no key":         func() (seal.Statement[predicate], error) { return seal.Open[predicate](signed(t, key, kind), kind) },
		"another type":   func() (seal.Statement[predicate], error) { return seal.Open[predicate](signed(t, key, "x"), kind, key) },
		"no envelope":    func() (seal.Statement[predicate], error) { return seal.Open[predicate](nil, kind, key) },
		"empty envelope": func() (seal.Statement[predicate], error) { return seal.Open[predicate](&seal.Envelope{}, kind, key) },
		"another payload": func() (seal.Statement[predicate], error) {
			return openChanged(t, key, func(e *seal.Envelope) { e.PayloadType = "text/plain" })
		},
		"no signature": func() (seal.Statement[predicate], error) {
			return openChanged(t, key, func(e *seal.Envelope) { e.Signatures = nil })
		},
		"line break": func() (seal.Statement[predicate], error) {
			return openChanged(t, key, func(e *seal.Envelope) { e.Payload += "\n" })
		},
		"one more member": func() (seal.Statement[predicate], error) {
			env, err := seal.Sign(key, seal.Statement[map[string]string]{PredicateType: kind, Predicate: map[string]string{"change": "CHG-7", "extra": ""}})
			if err != nil {
				t.Fatal(err)
			}
			return seal.Open[predicate](env, kind, key)
		},
	} {
		if s, err := open(); err == nil || s.Predicate.Change != "" {
			t.Errorf("%s: opened %+v, %v", name, s, err)
		}
	}
}

func openChanged(t *testing.T, key *seal.Key, change func(*seal.Envelope)) (seal.Statement[predicate], error) {
	t.Helper()
	env := signed(t, key, kind)
	change(env)
	return seal.Open[predicate](env, kind, key)
}

func TestNoChangedByteOfAnEnvelopePasses(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	text, err := json.Marshal(signed(t, key, kind))
	if err != nil {
		t.Fatal(err)
	}
	for at := range text {
		for bit := range 8 {
			b := append([]byte(nil), text...)
			b[at] ^= 1 << bit
			var env seal.Envelope
			if seal.Decode(b, &env) != nil {
				continue
			}
			if _, err := seal.Open[predicate](&env, kind, key); err == nil {
				t.Fatalf("byte %d ^ %#x: opened %s", at, 1<<bit, b)
			}
		}
	}
}

func TestAKeyThatOnlyVerifiesCannotSign(t *testing.T) {
	t.Parallel()
	if _, err := seal.Sign(seal.PublicKey(newKey(t).PublicBytes()), seal.Statement[predicate]{}); err == nil {
		t.Error("a public key signed")
	}
}

func TestKeyFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.key")
	if _, err := seal.OpenKey(path, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: err = %v, want not exist", err)
	}
	made, err := seal.OpenKey(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", fi.Mode(), err)
	}
	again, err := seal.OpenKey(path, true)
	if err != nil || again.ID() != made.ID() {
		t.Errorf("opened again: %v, %v; want the same key", again, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.OpenKey(path, true); err == nil {
			t.Errorf("a key file of mode %v was opened", mode)
		}
	}
}

func TestAFileThatIsNoKeyIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"empty": "", "text": "hello", "not PKCS 8": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"another kind of key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := seal.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.OpenKey(path, true); err == nil {
			t.Errorf("%s: opened as a key", name)
		}
		if kept, err := os.ReadFile(path); err != nil || string(kept) != body {
			t.Errorf("%s: the file is now %q, %v", name, kept, err)
		}
	}
	if _, err := os.Stat(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("unexpected file")
	}
	if err := seal.WriteFile(filepath.Join(t.TempDir(), "nowhere", "key"), nil, 0o600); err == nil {
		t.Error("a file was written into a folder that is not there")
	}
}

func TestASecretDoesNotShow(t *testing.T) {
	t.Parallel()
	s := seal.Secret("hunter2")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "in", struct{ S seal.Secret }{s})
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "in", struct{ S seal.Secret }{s})
	text, err := json.Marshal(map[string]any{"s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T"} {
		shown += fmt.Sprintf(verb, s) + fmt.Sprintf(verb, []seal.Secret{s}) + fmt.Sprintf(verb, struct{ S seal.Secret }{s})
	}
	if strings.Contains(shown, "hunter2") || strings.Contains(strings.ToLower(shown), hex.EncodeToString([]byte("hunter2"))) {
		t.Errorf("the secret shows in %s", shown)
	}
	if s.Reveal() != "hunter2" {
		t.Error("the secret is lost")
	}
}

func TestIDsAreRandomAndReadable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := seal.NewID("per")
		if len(id) != 4+26 || !strings.HasPrefix(id, "per_") || id != strings.ToLower(id) || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}
