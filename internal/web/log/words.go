package log

import (
	"encoding/hex"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/web/ui"
)

// indented lays a JSON text out for reading; what is none is shown as it is.
func indented(text string) string {
	if text == "" {
		return ""
	}
	v := jsontext.Value(text)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return text
	}
	return string(v)
}

// opens reports whether the words of an event fit the commitments in its leaf.
func opens(e ledger.Entry) bool {
	salt, err := hex.DecodeString(e.Salt)
	return err == nil && e.Detail != "" && ledger.CheckDetail(e.Leaf, salt, []byte(e.Detail)) == nil
}

// sentence turns a verb such as change.approved into words.
func sentence(verb string) string {
	object, did, ok := strings.Cut(verb, ".")
	if !ok {
		return ui.Words(verb)
	}
	return ui.Words(object) + " " + ui.Words(did)
}

// objectPath is the page of what an event is about; "" where there is none.
func objectPath(l ledger.Leaf) string {
	if l.Object.Type == "change" {
		return "/changes/" + l.Object.ID
	}
	return ""
}

func outcomeTone(outcome string) ui.Tone {
	switch outcome {
	case "ok":
		return ui.Calm
	case "denied":
		return ui.Warn
	}
	return ui.Bad
}

// verbs are the begins of verbs that people look for.
func verbs() []ui.Option {
	return []ui.Option{{Text: "any"}, {Value: "change.", Text: "changes"}, {Value: "change.approved", Text: "approvals"}, {Value: "gate.", Text: "the gate"},
		{Value: "evidence.", Text: "evidence"}, {Value: "person.", Text: "people"}, {Value: "role.", Text: "roles"}, {Value: "group.", Text: "groups"},
		{Value: "account.", Text: "accounts"}, {Value: "session.", Text: "sessions"}, {Value: "token.", Text: "tokens"}, {Value: "policy.", Text: "the policy"},
		{Value: "freeze.", Text: "freezes"}, {Value: "request", Text: "what was refused"}}
}
