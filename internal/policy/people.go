package policy

import (
	"slices"

	"plumbline.dev/plumb/internal/fault"
)

// ParsePeople reads a people file: YAML with one list "people" of {id, roles}. It is for trying a
// pack out without a server; the server knows people from its directory.
func ParsePeople(text []byte) ([]Person, error) {
	type personDoc struct {
		ID    string   `yaml:"id"`
		Roles []string `yaml:"roles"`
	}
	var doc struct {
		People []personDoc `yaml:"people"`
	}
	if len(text) > MaxFile {
		return nil, tooLarge("people file")
	}
	if err := readable("people file", string(text)); err != nil {
		return nil, err
	}
	if _, bad := parseYAML(File{Path: "people file", Text: string(text)}, &doc); bad != nil {
		return nil, refusal([]Finding{*bad})
	}
	var people []Person
	for _, p := range doc.People {
		if p.ID == "" || slices.ContainsFunc(people, func(x Person) bool { return x.ID == p.ID }) {
			return nil, fault.New(fault.Invalid, "bad_people", "Each person in the people file needs an id of their own.").
				Then("mend the people file")
		}
		people = append(people, Person(p))
	}
	return people, nil
}
