package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const sample = `package sample

import "errors"

type gate struct{ open bool }

var errShut = errors.New("shut")

func (g *gate) pass(who string, age int) error {
	if who == "" || age < 18 && !g.open {
		return errShut
	}
	if err := look(who); err != nil {
		return err
	}
	switch who {
	case "eve":
		return errors.New("not you")
	}
	return nil
}

func look(who string) error {
	if len(who) > 9 {
		return errors.New("too long")
	}
	return nil
}

func count(list []string) (n int) {
	for _, x := range list {
		if x == "" {
			continue
		}
		n++
	}
	return n
}

func plain(a, b int) int {
	if a > b {
		return a
	}
	return b
}
`

func TestAGuardIsWhatRefusesAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gate.go"), []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	var guards []guard
	name, texts, err := find(dir, nil, &guards)
	if err != nil || name != "sample" {
		t.Fatalf("%s, %v", name, err)
	}
	var got []string
	for _, g := range guards {
		got = append(got, g.fn+": "+g.text)
	}
	slices.Sort(got)
	want := []string{`count: x == ""`, `gate.pass: age < 18 && !g.open`, `gate.pass: asks look(who)`, `gate.pass: switch who case "eve"`, `gate.pass: who == ""`, `look: len(who) > 9`}
	if !slices.Equal(got, want) {
		t.Errorf("guards:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	text := string(texts[filepath.Join(dir, "gate.go")])
	if strings.Count(text, "\n") != strings.Count(sample, "\n") {
		t.Error("the switches move lines")
	}
	if strings.Contains(text, "a > b) &&") || !strings.Contains(text, `(x == "") && plumbGuardOn(`) {
		t.Errorf("the switches stand elsewhere:\n%s", text)
	}
}

func TestAClaimSaysWhatHoldsAGuardAndWhy(t *testing.T) {
	t.Parallel()
	read := func(text string) (map[string]claim, error) {
		file := filepath.Join(t.TempDir(), "held.txt")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readClaims(file)
	}
	got, err := read("# why\n\na/b.go f: x == 1\n  by: a/c TestX\n  why: it is looked at there\n")
	if err != nil || got["a/b.go f: x == 1"] != (claim{"a/c TestX", "it is looked at there"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"no holder":   "a/b.go f: x\n  why: it is looked at there\n",
		"no reason":   "a/b.go f: x\n  by: nothing\n  why: because\n",
		"no guard":    "  by: nothing\n",
		"twice":       "k\n by: nothing\n why: a b c d\nk\n by: nothing\n why: a b c d\n",
		"other words": "k\n held: nothing\n",
	} {
		if _, err := read(text); err == nil {
			t.Errorf("%s: is read", name)
		}
	}
}

func TestQuickTestsRunFirstAndSlowOnesAlone(t *testing.T) {
	t.Parallel()
	var list []test
	for _, ms := range []int{0, 10, 20, 60, 100, 3000, 9000} {
		list = append(list, test{took: time.Duration(ms) * time.Millisecond})
	}
	var sizes []int
	for _, b := range batches(list) {
		sizes = append(sizes, len(b))
	}
	if want := []int{3, 2, 1, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
}
