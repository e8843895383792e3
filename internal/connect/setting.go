package connect

import (
	"net"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// List splits a setting into its items: by commas, semicolons and white space, each once, in the order given.
func List(text string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Yes reports whether a setting says yes; ok is false for a word that says neither yes nor no.
func Yes(text string) (yes, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "yes", "true", "on":
		return true, true
	case "", "no", "false", "off":
		return false, true
	}
	return false, false
}

// Address adds a port to a host that names none.
func Address(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// HostNames gives the identifiers that a host name is: the full name in lower case, and its first part.
func HostNames(name string) []inventory.Identifier {
	if !utf8.ValidString(name) {
		return nil
	}
	name = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
	short, _, full := strings.Cut(name, ".")
	if short == "" || len(name) > 253 {
		return nil
	}
	out := []inventory.Identifier{{Kind: "hostname", Value: short}}
	if full {
		out = append(out, inventory.Identifier{Kind: "fqdn", Value: name})
	}
	return out
}

// TooMuch says that a source holds more than one reading may.
func TooMuch(what string) error {
	return fault.New(fault.TooLarge, "too_much", "There are more than %s; nothing is taken for absent.", what).
		FixedBy("whoever looks after the source").Then("divide it into several sources")
}
