package plan

import (
	"archive/zip"
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// stateEntry is the member of a saved plan that holds the state that the plan was made from.
const stateEntry = "tfstate"

// maxStateHead bounds what is read of that state: tools write its version, serial and lineage before anything else.
const maxStateHead = 1 << 20

// Base says which state a saved plan was made from, as lineage/serial. It reads nothing else of that state, which holds secrets.
// "" where the plan does not say: the first plan of a state that does not exist yet, one that is encrypted, or a file that is no plan.
func Base(file io.ReaderAt, size int64) string {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return ""
	}
	for _, f := range z.File {
		if f.Name != stateEntry {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return ""
		}
		defer r.Close()
		head, err := io.ReadAll(io.LimitReader(r, maxStateHead))
		if err != nil {
			return ""
		}
		return baseOf(head)
	}
	return ""
}

// baseOf reads lineage and serial off the begin of a state.
func baseOf(head []byte) string {
	dec := jsontext.NewDecoder(bytes.NewReader(head))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return ""
	}
	lineage, serial, have := "", uint64(0), false
	for lineage == "" || !have {
		name, err := dec.ReadToken()
		if err != nil || name.Kind() != '"' {
			return ""
		}
		member := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return ""
		}
		switch member {
		case "lineage":
			if json.Unmarshal(v, &lineage) != nil || !lineageText(lineage) {
				return ""
			}
		case "serial":
			if serial, err = strconv.ParseUint(string(v), 10, 63); err != nil {
				return ""
			}
			have = true
		}
	}
	return lineage + "/" + strconv.FormatUint(serial, 10)
}

// lineageText reports whether a text can be a lineage: tools write a UUID. Whatever looks like more, or like a secret, is not sent.
func lineageText(s string) bool {
	return len(s) >= 8 && len(s) <= 64 && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" && Scrub(nil, s) == s
}

// Lineage gives the lineage of a base; "" where it is not known.
func Lineage(base string) string {
	lineage, _, _ := strings.Cut(base, "/")
	return lineage
}
