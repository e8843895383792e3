package evidence

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// Detect guesses the format of a file by its content, for a person who does not name one. It reads r
// as far as it needs to, at most MaxSize bytes. A file that looks like none of the formats, or like
// several, is refused with the choices; Attached is never guessed, for it checks nothing.
func Detect(r io.Reader) (Format, error) {
	src := newSource(r, MaxSize)
	head, err := src.head()
	if err != nil {
		return "", err
	}
	var found []Format
	switch lead := strings.TrimLeft(strings.TrimPrefix(string(head), "\uFEFF"), " \t\r\n"); {
	case strings.HasPrefix(lead, "<"):
		found, err = detectXML(src)
	case strings.HasPrefix(lead, "{"):
		found, err = detectJSON(src)
	case packed(head) != "":
		_, err = src.text(nil)
	}
	if err != nil {
		return "", src.explain(err)
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) == 0 {
		found = Formats()
	}
	return "", fault.New(fault.Invalid, "format_unclear", "The format of the evidence file cannot be told from its content.").
		Then("name the format: one of %s", choices(found))
}

// detectXML looks at the root element.
func detectXML(src *source) ([]Format, error) {
	r, err := src.text((&xmlGuard{}).check)
	if err != nil {
		return nil, err
	}
	dec := xml.NewDecoder(r)
	dec.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, notUTF8() }
	for {
		tok, err := dec.Token()
		if err != nil {
			return nil, malformed(JUnit, err)
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return nil, declared()
		case xml.StartElement:
			if name := tok.Name.Local; name == "testsuites" || name == "testsuite" {
				return []Format{JUnit}, nil
			}
			return nil, nil
		}
	}
}

// detectJSON looks at the names, and some values, of the outermost object.
func detectJSON(src *source) ([]Format, error) {
	r, err := src.text((&jsonGuard{}).check)
	if err != nil {
		return nil, err
	}
	dec, members := jsontext.NewDecoder(r), map[string]string{}
	if _, err := dec.ReadToken(); err != nil {
		return nil, malformed("JSON", err)
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, malformed("JSON", err)
		}
		member, value := name.String(), ""
		if dec.PeekKind() == '"' {
			tok, err := dec.ReadToken()
			if err != nil {
				return nil, malformed("JSON", err)
			}
			value = tok.String()
		} else if err := dec.SkipValue(); err != nil {
			return nil, malformed("JSON", err)
		}
		switch member {
		case "bomFormat", "runs", "version", "SchemaVersion", "ArtifactName", "ArtifactType":
			members[member] = value
		}
	}
	return named(members), nil
}

// named lists the formats that these members belong to.
func named(members map[string]string) []Format {
	has := func(name string) bool { _, ok := members[name]; return ok }
	var found []Format
	if has("runs") && strings.HasPrefix(members["version"], "2.") {
		found = append(found, SARIF)
	}
	if has("SchemaVersion") && (has("ArtifactName") || has("ArtifactType")) {
		found = append(found, Trivy)
	}
	if members["bomFormat"] == "CycloneDX" {
		found = append(found, CycloneDX)
	}
	return found
}
