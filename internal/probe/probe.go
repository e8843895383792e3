// Package probe reads what a host is: its system, hardware, packages, services, listeners, users, network and time sources. It
// only reads, starts no program, and takes no secret: no password hash, no environment, no arguments of a command line.
//
// Read in this order: probe.go (what a fact is), tree.go (how files are read), then one collector. What a host must
// hold for hardening becomes further collectors of the same form.
package probe

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/seal"
)

// Fact is one property of the host.
type Fact struct {
	Path  string // dotted, beginning with its collector's name
	Value string // canonical JSON: a string, an integer, a boolean, or a sorted list of strings
	// Volatile facts change without anybody's doing, such as the uptime. They are shown and never compared.
	Volatile bool
}

// Collector reads one part of the host. It may be called again and again, from one goroutine at a time, and ends when its context
// does. Its facts all begin with its name and a dot.
type Collector struct {
	Name    string
	Collect func(ctx context.Context) ([]Fact, error)
}

// Report is what one collection gave.
type Report struct {
	Facts  []Fact
	Failed map[string]string // by collector: why it gave nothing
}

// Collect runs collectors one after the other. One that fails costs only its own facts. Before each, spent may end the collection by
// an error: what is left out then counts as failed; nil is allowed.
func Collect(ctx context.Context, list []Collector, spent func() error) Report {
	r := Report{Failed: map[string]string{}}
	for _, c := range list {
		err := ctx.Err()
		if err == nil && spent != nil {
			err = spent()
		}
		var facts []Fact
		if err == nil {
			facts, err = c.Collect(ctx)
		}
		if err != nil {
			r.Failed[c.Name] = reason(err)
			continue
		}
		r.Facts = append(r.Facts, facts...)
	}
	return r
}

// reason is an error without the path or the content that it came from.
func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return tidy(err.Error())
}

// facts gathers the facts of one collector.
type facts struct {
	name string
	list []Fact
}

func (f *facts) add(path, value string, volatile bool) {
	f.list = append(f.list, Fact{Path: f.name + "." + tidy(path), Value: value, Volatile: volatile})
}

// text notes a string; an empty one is no fact.
func (f *facts) text(path, s string) {
	if s = tidy(s); s != "" {
		f.add(path, quote(s), false)
	}
}

// number notes an integer.
func (f *facts) number(path string, n int64) { f.add(path, strconv.FormatInt(n, 10), false) }

// flag notes a boolean.
func (f *facts) flag(path string, b bool) { f.add(path, strconv.FormatBool(b), false) }

// set notes strings whose order means nothing; an empty set is no fact.
func (f *facts) set(path string, items []string) {
	items = slices.Clone(items)
	for i := range items {
		items[i] = tidy(items[i])
	}
	slices.Sort(items)
	items = slices.DeleteFunc(slices.Compact(items), func(s string) bool { return s == "" })
	if len(items) == 0 {
		return
	}
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = quote(s)
	}
	f.add(path, "["+strings.Join(quoted, ",")+"]", false)
}

// passing notes a number that changes by itself.
func (f *facts) passing(path string, n int64) { f.add(path, strconv.FormatInt(n, 10), true) }

// maxText bounds one text of the host: a path, a name, a version.
const maxText = 400

// tidy makes a text of the host one that everybody can store and show: UTF-8, without control characters, bounded.
func tidy(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) > maxText {
		s = s[:maxText]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}

// quote gives a string as canonical JSON. What tidy let through is always text.
func quote(s string) string {
	b, err := seal.AppendText(nil, s)
	if err != nil {
		return `""`
	}
	return string(b)
}
