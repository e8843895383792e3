package inventory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// altered is one attribute in which two wordings of a record disagree; "" is no value.
type altered struct {
	path          string
	before, after Value
}

// earlier is the stored wording of a record, as far as another one is compared with it.
type earlier struct {
	digest string // of the wording; "" for none
	bare   Record // without its attributes and what is volatile
	attrs  []altered
}

// against compares a stored wording with the one that comes after it.
func against(digest, was string, is *Record) (earlier, error) {
	e := earlier{digest: digest}
	if err := json.Unmarshal([]byte(was), &e.bare); err != nil {
		return e, fmt.Errorf("read record: %w", err)
	}
	e.attrs = alteredIn(e.bare.Attrs, is.Attrs)
	e.bare.Attrs, e.bare.Volatile = nil, nil
	return e, nil
}

// alteredIn compares attributes, by path.
func alteredIn(was, is map[string]Value) []altered {
	var out []altered
	for p, before := range was {
		if after := is[p]; after != before {
			out = append(out, altered{p, before, after})
		}
	}
	for p, after := range is {
		if _, had := was[p]; !had && after != "" {
			out = append(out, altered{p, "", after})
		}
	}
	slices.SortFunc(out, func(a, b altered) int { return strings.Compare(a.path, b.path) })
	return out
}
