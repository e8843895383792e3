package document

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// MostAttrs is how many properties one thing may have; more are refused, for a thing that is half read looks changed.
const MostAttrs = 20_000 // the inventory takes no more

// Masker turns what was sent into values without secrets.
type Masker func(secret string) inventory.Value

// Value gives a text that stands under a name. Where the name is a secret's, or the text holds what looks like one,
// the whole text becomes its keyed digest: a change of it is seen, and it is not.
func (m Masker) Value(name, text string) inventory.Value {
	switch {
	case text == "":
		return inventory.Text("")
	case inPackages(name) && version(text), strings.EqualFold(name, "version") && version(text):
		return inventory.Text(text)
	case plan.SecretName(name) || m.Holds(text):
		return m.hide(text)
	}
	return inventory.Text(text)
}

// Holds reports whether a text holds what looks like a secret.
func (m Masker) Holds(text string) bool { return plan.LooksSecret(text) }

// Plain gives a text for a place that takes no digest, such as a name: what looks like a secret is starred out.
func (m Masker) Plain(text string) string {
	if m != nil && m.Holds(text) {
		m(text) // what was starred out here is then known as a secret where it is repeated
	}
	return plan.Scrub(nil, text)
}

func (m Masker) hide(secret string) inventory.Value {
	if m == nil {
		return inventory.Text("(sensitive)")
	}
	return m(secret)
}

// Flatten writes a value of JSON as properties by dotted path: a list of plain values is a set, other lists are told by
// their places. Everything under a secret's name is masked.
func (m Masker) Flatten(into map[string]inventory.Value, path string, v jsontext.Value) error {
	return m.flatten(into, path, last(path), v, inPackages(path))
}

// FlattenPackages is Flatten for what is known to be packages by name: a version is none's secret, whatever the package is called.
func (m Masker) FlattenPackages(into map[string]inventory.Value, path string, v jsontext.Value) error {
	return m.flatten(into, path, last(path), v, true)
}

func (m Masker) flatten(into map[string]inventory.Value, path, name string, v jsontext.Value, packages bool) error {
	if len(into) >= MostAttrs {
		return connect.BadDocument("one thing in it has more properties than are kept")
	}
	k := v.Kind()
	plain := packages && version(AsText(v))
	if k != 'n' && k != 0 && plan.SecretName(name) && (k != 't' && k != 'f') && !plain && (!packages || k != '{') {
		c := v.Clone()
		if c.Canonicalize() != nil {
			return connect.BadDocument("it is not the JSON that was expected")
		}
		secret := string(c)
		if k == '"' {
			secret = AsText(v)
		}
		into[path] = m.hide(secret)
		return nil
	}
	switch k {
	case '{':
		o := AsObject(v)
		for _, k := range slices.Sorted(maps.Keys(o)) {
			if err := m.flatten(into, path+"."+m.Plain(k), k, o[k], packages || isPackages(name)); err != nil {
				return err
			}
		}
	case '[':
		return m.list(into, path, name, AsList(v), packages || isPackages(name))
	case '"':
		if into[path] = m.Value(name, AsText(v)); plain {
			into[path] = inventory.Text(AsText(v))
		}
	case 't', 'f':
		into[path] = inventory.Flag(k == 't')
	case '0':
		into[path] = number(string(v))
	}
	return nil
}

func (m Masker) list(into map[string]inventory.Value, path, name string, items []jsontext.Value, packages bool) error {
	var plain []string
	flag := false // the item before says that this one is a secret: ["--password", "…"]
	for i, v := range items {
		if k := v.Kind(); k == '{' || k == '[' {
			if err := m.flatten(into, path+"."+string(inventory.Number(int64(i))), name, v, packages); err != nil {
				return err
			}
			continue
		}
		text := AsText(v)
		switch {
		case packages && isPackage(text):
			plain = append(plain, text)
		case flag && text != "":
			plain = append(plain, m.hide(text).Plain())
		default:
			plain = append(plain, m.Value(name, text).Plain())
		}
		flag = plan.SecretFlag(text)
	}
	if len(plain) > 0 {
		into[path] = inventory.Set(plain...)
	}
	return nil
}

// number keeps an integer as one, and any other number as the text that it was: digests are not taken over fractions.
func number(s string) inventory.Value {
	if strings.ContainsAny(s, ".eE") || len(s) > 15 {
		return inventory.Text(s)
	}
	return inventory.Value(s)
}

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
