package filing

import (
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/web/frame"
)

// colleague is somebody who can be mentioned.
type colleague struct{ Username, Name string }

// mostNames bounds what one question for names is answered with.
const mostNames = 8

// names answers who a begun name can be: people whose username or name has a word that begins so.
func (p Pages) names(v *frame.Visit) error {
	r, err := p.people.Roster(v.Ctx())
	if err != nil {
		return err
	}
	return v.Part(mentionable(match(r, v.Value("q"))))
}

func match(r *directory.Roster, begun string) []colleague {
	begun = strings.ToLower(strings.TrimPrefix(begun, "@"))
	out := []colleague{}
	for _, a := range r.Usable() {
		if a.Kind != directory.Local || begun == "" || len(out) == mostNames {
			continue
		}
		name := r.Name(a.Person)
		for _, word := range append(strings.Fields(strings.ToLower(name)), strings.ToLower(a.Username)) {
			if strings.HasPrefix(word, begun) {
				out = append(out, colleague{a.Username, name})
				break
			}
		}
	}
	return out
}
