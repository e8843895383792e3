package deps_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const module = "plumbline.dev/plumb/"

// line is one line of rooms: they may import rooms of the lines below, never one another.
type line struct {
	rooms  []string
	reason string // why the rooms of this line, or what is below it, do not know it
}

// lines is the order of the rooms, from the top. A room's sub-packages belong to it.
var lines = []line{
	{[]string{"cmd/plumb", "bench", "mutate", "ports"}, "entry points: nothing can depend on a main"},
	{[]string{"internal/cli"}, "commands are one way to use the program; the server must not need a terminal"},
	{[]string{"internal/server", "internal/agent"}, "all wiring in one place: who makes things cannot be needed by what is made; a host's agent is another program"},
	{[]string{"internal/api", "internal/web"}, "two surfaces on the same desks; a rule that one took from the other would be missing where the other is bypassed"},
	{[]string{"internal/prove"}, "the checker of evidence must not lean on who made it; it reads, nobody asks it"},
	{[]string{"internal/reconcile", "internal/patch", "internal/connect"}, "they join what lower rooms know; joined with each other they would be a knot"},
	{[]string{"internal/change", "internal/baseline"}, "what was approved and what must hold are separate facts; reconcile compares them"},
	{[]string{"internal/inventory", "internal/notify", "internal/fleet"}, "things, messages and those who report: a message about a thing is sent by who knows both, and a report becomes a thing by a connector"},
	{[]string{"internal/directory"}, "people exist without any change"},
	{[]string{"internal/ledger", "internal/client"}, "the record knows no domain, and a client knows no database"},
	{[]string{"internal/db", "internal/policy", "internal/blob"}, "rows, rules and documents: the rules do no I/O, the rows know no rule"},
	{[]string{"internal/plan", "internal/evidence", "internal/sheet", "policies"}, "documents as values: client and server read and write them the same way"},
	{[]string{"internal/probe", "internal/wire"}, "what travels between host, pipeline and server"},
	{[]string{"internal/seal"}, "byte-exact forms: all that signs or reads them is above"},
	{[]string{"internal/fault"}, "the words of refusals: every room speaks them"},
}

// alone are packages that nobody imports and that import no room.
var alone = []string{"internal/deps"}

// bans are the imports that the order of the rooms allows and that must not be all the same. "net" is
// the package itself and net/http: net/url and net/netip only read texts.
var bans = []struct{ who, what, reason string }{
	{"internal/agent", module + "internal/db", "a host has no database, and a stolen host must find no way to one"},
	{"internal/agent", module + "internal/change", "the agent carries facts, it decides nothing"},
	{"internal/agent", module + "internal/directory", "the agent carries facts, it decides nothing"},
	{"internal/agent", module + "internal/ledger", "the agent carries facts, it records nothing"},
	{"internal/client", module + "internal/db", "the client speaks HTTP only, so that what it may do is what the server allows"},
	{"internal/client", module + "internal/policy", "the client asks for verdicts, it makes none"},
	{"internal/client", module + "internal/blob", "the client speaks HTTP only"},
	{"internal/cli", module + "internal/directory", "a command acts through the server: past it, nobody is asked and nothing recorded"},
	{"internal/cli", module + "internal/change", "a command acts through the server: past it, nobody is asked and nothing recorded"},
	{"internal/api", "database/sql", "a surface decides nothing and has no rows of its own meaning"},
	{"internal/web", "database/sql", "a surface decides nothing and has no rows of its own meaning"},
	{"internal/policy", "net", "a verdict must be the same when it is replayed years later"},
	{"internal/policy", "os", "a verdict must be the same when it is replayed years later"},
	{"internal/policy", "database/sql", "a verdict must be the same when it is replayed years later"},
	{"internal/plan", "net", "reading a plan sends nothing anywhere: it can hold secrets"},
	{"internal/plan", "database/sql", "reading a plan keeps nothing: it can hold secrets"},
	{"internal/evidence", "net", "an evidence file is data: it must not make anyone call out"},
	{"internal/evidence", "os", "an evidence file is data: it must not name files of ours"},
	{"internal/wire", module + "internal/fault", "wire forms are plain data that other programs share"},
	{"internal/seal", "net", "forms and keys know no network"},
	{"internal/ledger", "net", "the record is served by a surface"},
}

// excepted are the files that break a ban, each with what it takes from there.
var excepted = map[string]string{
	"internal/evidence/attached.go": "http.DetectContentType reads a few bytes and calls nobody",
}

func banned(what, path string) bool {
	if what == "net" {
		return path == "net" || path == "net/http"
	}
	return path == what || strings.HasPrefix(path, what+"/")
}

// testOnly are packages that only tests import.
var testOnly = map[string]string{
	"internal/connect/hetzner/hetznertest": "it is a cloud in which nothing is real",
	"internal/db/dbtest":                   "it opens doors past the kernel, for tests that tamper",
	"internal/server/servertest":           "it holds a ceremony with passwords that everybody knows",
	"internal/connect/connecttest":         "it starts daemons and kills them, for tests of sources",
}

func roomOf(path string) (room string, level int) {
	for i, l := range lines {
		for _, r := range l.rooms {
			if path == r || strings.HasPrefix(path, r+"/") {
				return r, i
			}
		}
	}
	return "", -1
}

func TestImportsOnlyGoDownTheRooms(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		from, level := roomOf(f.pkg)
		if from == "" {
			if !slices.Contains(alone, f.pkg) {
				t.Errorf("%s: package %s has no row in the order of the rooms", f.path, f.pkg)
			}
			continue
		}
		for _, path := range f.imports {
			target, ours := strings.CutPrefix(path, module)
			if !ours || f.test {
				continue // a test may use what is above: it is not in the program
			}
			to, toLevel := roomOf(target)
			switch {
			case to == "":
				t.Errorf("%s imports %s, which has no row in the order of the rooms", f.path, target)
			case to == from:
			case toLevel == level:
				t.Errorf("%s imports %s on its own line: %s", f.path, to, lines[level].reason)
			case toLevel < level:
				t.Errorf("%s imports %s above it: %s", f.path, to, lines[toLevel].reason)
			}
		}
	}
}

func TestBannedImports(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		room, _ := roomOf(f.pkg)
		for _, path := range f.imports {
			for _, b := range bans {
				if room == b.who && banned(b.what, path) && excepted[f.path] == "" {
					t.Errorf("%s imports %s: %s", f.path, path, b.reason)
				}
			}
			if why, ok := testOnly[strings.TrimPrefix(path, module)]; ok && !slices.Contains(slices.Sorted(keys(testOnly)), f.pkg) {
				t.Errorf("%s imports %s outside a test: %s", f.path, path, why)
			}
		}
	}
}

func TestEveryRuleHasAReason(t *testing.T) {
	t.Parallel()
	for _, l := range lines {
		if len(strings.Fields(l.reason)) < 4 || len(l.rooms) == 0 {
			t.Errorf("line %v: %q is no reason", l.rooms, l.reason)
		}
	}
	for _, b := range bans {
		if len(strings.Fields(b.reason)) < 4 {
			t.Errorf("%s without %s: %q is no reason", b.who, b.what, b.reason)
		}
		if room, _ := roomOf(b.who); room == "" {
			t.Errorf("a ban names %s, which has no row", b.who)
		}
	}
	for path := range excepted {
		if !slices.ContainsFunc(sources(t), func(f file) bool { return f.path == path }) {
			t.Errorf("%s is excepted, but there is no such file", path)
		}
	}
	seen := map[string]bool{}
	for _, l := range lines {
		for _, r := range l.rooms {
			if seen[r] {
				t.Errorf("%s stands twice in the order", r)
			}
			seen[r] = true
		}
	}
}

// badNames say nothing about what is inside, so everything ends up there.
var badNames = []string{"util", "utils", "service", "services", "model", "models", "store", "common", "types", "helper", "helpers", "misc", "shared", "base", "core", "lib"}

func TestPackagesAreNamedAfterWhatTheyKnow(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		name := strings.TrimSuffix(f.ast.Name.Name, "_test")
		if slices.Contains(badNames, name) {
			t.Errorf("%s: a package %q can hold anything", f.path, name)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	docs := map[string]int{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		docs[f.pkg] += 0
		if f.ast.Doc != nil {
			docs[f.pkg]++
			want := "Package " + f.ast.Name.Name + " "
			if f.ast.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(f.ast.Doc.Text(), want) {
				t.Errorf("%s: the package's sentence must begin with %q", f.path, want)
			}
		}
	}
	for pkg, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package sentences, want one", pkg, n)
		}
	}
	if len(docs) == 0 {
		t.Error(fmt.Errorf("no packages were read"))
	}
}
