package ledger

import (
	"testing"

	"pgregory.net/rapid"

	"plumbline.dev/plumb/internal/seal"
)

// The leaf that is put together by hand has the bytes of the canonical form, whatever texts are in it.
func TestALeafIsItsCanonicalForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[a-z_:"\\<>&\x00-\x1f]{0,12}`))
		draw := func(name string) string { return text.Draw(t, name) }
		l := Leaf{V: 1, TS: rapid.Int64Range(-1<<53, 1<<53).Draw(t, "ts"), Verb: draw("verb"), Outcome: draw("outcome"), Policy: draw("policy"),
			Request: draw("req"), Source: draw("src"), Object: LeafObject{Type: draw("type"), ID: draw("id"), Rev: draw("rev")},
			Actor:  LeafActor{Person: draw("person"), Account: draw("account"), Kind: draw("kind"), Authn: draw("authn"), Via: draw("via")},
			Commit: rapid.MapOfN(rapid.StringMatching(`[a-z_0-9]{1,9}`), text, 0, 4).Draw(t, "commit")}
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			l.Rows = append(l.Rows, [3]string{draw("table"), draw("row"), draw("digest")})
		}
		got, err := l.canonical()
		want, wantErr := seal.Canonical(l)
		if string(got) != string(want) && err == nil || (err == nil) != (wantErr == nil) {
			t.Errorf("got %s, %v\nwant %s, %v", got, err, want, wantErr)
		}
	})
}

// The words behind an event are canonical too, and each commitment is that of its value.
func TestTheWordsOfAnEventAreTheirCanonicalForm(t *testing.T) {
	t.Parallel()
	detail := map[string]any{"why": "a \"quote\" and é", "n": 7, "list": []string{"b", "a"}, "kept_decisions": true, "a": map[string]any{"z": 1, "b": "x"}}
	salt := make([]byte, 16)
	body, commits, err := commit(salt, detail)
	want, wantErr := seal.Canonical(detail)
	if err != nil || wantErr != nil || string(body) != string(want) {
		t.Fatalf("got %s, %v\nwant %s, %v", body, err, want, wantErr)
	}
	if err := CheckDetail(Leaf{Commit: commits}, salt, body); err != nil {
		t.Error(err)
	}
	if _, _, err := commit(salt, map[string]any{"Odd name": 1}); err == nil {
		t.Error("a name that would have to be escaped was taken")
	}
	if _, err := (Leaf{TS: 1<<53 + 1}).canonical(); err == nil {
		t.Error("a number that readers would round was taken")
	}
}
