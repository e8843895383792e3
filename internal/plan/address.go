package plan

import (
	"strconv"
	"strings"
	"unicode"
)

// maxAddress bounds an address, in bytes; Terraform's own are far shorter.
const maxAddress = 4096

// part is a stretch of an address: an identifier with its dots, or the key in ["…"].
type part struct {
	text string
	key  bool // the text between the quotes, as written
}

// parts splits an address such as module.a["x"].aws_instance.web[0]. It reports false for what is no
// address.
func parts(address string) ([]part, bool) {
	var out []part
	if address == "" || len(address) > maxAddress {
		return nil, false
	}
	for rest := address; rest != ""; {
		n := strings.Index(rest, `["`)
		if n < 0 {
			return append(out, part{text: rest}), identifiers(rest)
		}
		end := closingKey(rest, n+2)
		if end < 0 || !identifiers(rest[:n]) {
			return nil, false
		}
		out = append(out, part{text: rest[:n]}, part{text: rest[n+2 : end], key: true})
		rest = rest[end+2:]
	}
	return out, true
}

func closingKey(s string, i int) int {
	for ; i+1 < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"' && s[i+1] == ']':
			return i
		case s[i] == '"':
			return -1
		}
	}
	return -1
}

// identifiers allows the letters of names, dots and numeric indexes. The letters are not only ASCII:
// Terraform allows every letter of Unicode. What cannot be seen is refused.
func identifiers(s string) bool {
	for _, c := range s {
		if !unicode.IsGraphic(c) || unicode.IsSpace(c) || strings.ContainsRune(`"'\{}<>`, c) {
			return false
		}
	}
	return true
}

// where gives an address as it may be shown. Instance keys are values, and are judged as such. The
// names of modules and resources were written in the configuration; in them only a known secret of
// some length is masked, so that nobody can blur what is touched by calling a secret "web". A type is
// never masked, for rules are written on types.
func (r *redactor) where(address string) string {
	list, ok := parts(address)
	if !ok {
		return r.known.marker("", "address", []byte(address))
	}
	var out strings.Builder
	chosen, module := false, false // the next label is a chosen name; and that of a module
	for _, p := range list {
		if p.key {
			out.WriteString(`["` + r.instanceKey(p.text) + `"]`)
			continue
		}
		for i, label := range strings.Split(p.text, ".") {
			if i > 0 {
				out.WriteByte('.')
			}
			switch {
			case chosen && label != "":
				out.WriteString(r.identifier(label))
				chosen = !module
			case label == "" || label == "data" || label == "ephemeral":
				out.WriteString(label)
			default:
				out.WriteString(label)
				chosen, module = true, label == "module"
			}
		}
	}
	return out.String()
}

func (r *redactor) instanceKey(written string) string {
	plain := []byte(unquoteKey(written))
	r.spans = r.known.find(r.spans[:0], plain, leastWord)
	r.spans = scan(r.spans, plain, false)
	if len(r.spans) > 0 || strings.ContainsAny(written[:min(1, len(written))], "{[") || r.known.is(plain) || unsure(plain) {
		return r.known.marker("", "address", plain)
	}
	return written
}

// unquoteKey undoes the escapes of a quoted key; an unknown one stays as it is.
func unquoteKey(s string) string {
	var out strings.Builder
	for s != "" {
		if strings.HasPrefix(s, "$${") || strings.HasPrefix(s, "%%{") {
			s = s[1:]
			out.WriteString(s[:2])
			s = s[2:]
			continue
		}
		c, _, rest, err := strconv.UnquoteChar(s, '"')
		if err != nil {
			out.WriteByte(s[0])
			s = s[1:]
			continue
		}
		out.WriteRune(c)
		s = rest
	}
	return out.String()
}

func (r *redactor) identifier(name string) string {
	spans := merge(r.known.find(r.spans[:0], []byte(name), leastInName))
	if len(spans) == 0 {
		return name
	}
	var out strings.Builder
	at := 0
	for _, s := range spans {
		out.WriteString(name[at:s.from])
		out.WriteString(r.known.marker("", "address", []byte(name[s.from:s.to])))
		at = s.to
	}
	out.WriteString(name[at:])
	return out.String()
}

// fits reports whether an address is made of the other things that a row says of its resource, so
// that no rule can be asked about one type while another is changed.
func (w *row) fits() bool {
	rest := w.Address
	if w.ModuleAddress != "" {
		cut, ok := strings.CutPrefix(rest, w.ModuleAddress+".")
		if !ok || !strings.HasPrefix(rest, "module.") {
			return false
		}
		rest = cut
	} else if strings.HasPrefix(rest, "module.") {
		return false
	}
	if w.Mode != "managed" { // data.… and ephemeral.…
		cut, ok := strings.CutPrefix(rest, w.Mode+".")
		if !ok {
			return false
		}
		rest = cut
	}
	rest, ok := strings.CutPrefix(rest, w.Type+"."+w.Name)
	return ok && (rest == "" || rest[0] == '[' && rest[len(rest)-1] == ']')
}

// typeName and providerName are never masked: rules are written on them. So they must be of a form in
// which no secret value comes.
func typeName(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

func providerName(s string) bool {
	return len(s) <= 256 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:") == ""
}
