package deps_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"plumbline.dev/plumb/internal/cli"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/policies"
)

// document is one page of the project's prose.
type document struct {
	path string // from the module's root
	text string
}

func documents(t *testing.T) []document {
	t.Helper()
	var out []document
	for _, file := range append(pages(t), filepath.Join(root, "policies", "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, document{filepath.ToSlash(rel), string(text)})
	}
	return out
}

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)
	testName  = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]+)`")
	storyName = regexp.MustCompile("`([a-z][0-9]{2}-[a-z-]+\\.txt)`")
	ruleNames = regexp.MustCompile("rules? ((?:`[a-z0-9-]+`(?:, | and )?)+)")
	ourPath   = regexp.MustCompile("`((?:internal|policies|scripts|docs|mutate|bench|ports|cmd)/[A-Za-z0-9_./-]+?)/?`")
)

// Links lead somewhere, within this repository too.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // the world outside is not ours to test
			}
			file := filepath.Join(root, filepath.Dir(d.path), target)
			if target == "" {
				file = filepath.Join(root, d.path)
			}
			text, err := os.ReadFile(file)
			if info, statErr := os.Stat(file); statErr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s links to %s, which is not there", d.path, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", d.path, m[1])
			}
		}
	}
}

// anchors are the names under which forges reach the headings of a page.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := notAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

// What a document calls a proof is there: tests, fuzz targets, stories, rules, files.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	for _, f := range sources(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
				tests[fn.Name.Name] = true
			}
		}
	}
	files, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	pack, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents(t) {
		for _, m := range storyName.FindAllStringSubmatch(d.text, -1) {
			if _, err := fs.Stat(files, "stories/"+m[1]); err != nil {
				t.Errorf("%s names the story %s, which is not there", d.path, m[1])
			}
		}
		for _, m := range ruleNames.FindAllStringSubmatch(d.text, -1) {
			for name := range strings.FieldsFuncSeq(m[1], func(r rune) bool { return strings.ContainsRune("`, ", r) }) {
				if name != "and" && !slices.ContainsFunc(pack.Rules, func(r policy.Rule) bool { return r.ID == name }) {
					t.Errorf("%s names the rule %s, which is not there", d.path, name)
				}
			}
		}
		for _, m := range testName.FindAllStringSubmatch(d.text, -1) {
			if !tests[m[1]] {
				t.Errorf("%s names the test %s, which is not there", d.path, m[1])
			}
		}
		for _, m := range ourPath.FindAllStringSubmatch(d.text, -1) {
			if strings.Contains(m[1], "HEX") {
				continue // stands for a digest
			}
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", d.path, m[1])
			}
		}
	}
}

var (
	span    = regexp.MustCompile("`(plumb [^`]+)`")
	line2   = regexp.MustCompile(`(?m)(?:^|\s|\||;|\(|\$ )(?:\./build/plumb|go run \./cmd/plumb|plumb) ([a-z][^\n|;&>)]*)`)
	block   = regexp.MustCompile("(?ms)^```(?:sh|shell|console|text|yaml)?\n(.*?)^```$|(?m)^    .*$")
	another = regexp.MustCompile(`\\\n\s*`)
)

// Every command that a document prints exists, with its flags.
func TestDocumentsPrintCommandsThatExist(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		for _, command := range commandsOf(d.text) {
			if wrong := unknownPart(command); wrong != "" {
				t.Errorf("%s prints `plumb %s`: %s", d.path, command, wrong)
			}
		}
	}
}

// commandsOf lists what follows the program's name in spans and blocks of code.
func commandsOf(text string) []string {
	var out []string
	text = another.ReplaceAllString(text, " ")
	for _, m := range span.FindAllStringSubmatch(text, -1) {
		out = append(out, strings.TrimPrefix(m[1], "plumb "))
	}
	for _, b := range block.FindAllString(text, -1) {
		for _, m := range line2.FindAllStringSubmatch(b, -1) {
			command, _, _ := strings.Cut(m[1], "  ") // what follows is a remark
			out = append(out, command)
		}
	}
	return out
}

var helps sync.Map // command path → its help, "" where there is no such command

func help(path string) string {
	if text, ok := helps.Load(path); ok {
		return text.(string)
	}
	var out, errs bytes.Buffer
	code := cli.Main(append(strings.Fields(path), "--help"), strings.NewReader(""), &out, &errs)
	text := out.String()
	if code != 0 || !strings.Contains(text+" ", "plumb "+path+" ") && !strings.Contains(text, "plumb "+path+"\n") {
		text = ""
	}
	helps.Store(path, text)
	return text
}

var (
	commandName = regexp.MustCompile(`^[a-z][a-z-]*$`)
	shellWord   = regexp.MustCompile(`(?:"[^"]*"|'[^']*'|[^\s"'])+`)
	usageLine   = regexp.MustCompile(`(?m)^Usage:\n  plumb (.*)$`)
)

// unknownPart says what of a command the program does not know; "" when it knows all of it.
func unknownPart(command string) string {
	words := shellWord.FindAllString(command, -1)
	path := ""
	for len(words) > 0 && commandName.MatchString(words[0]) && help(strings.TrimSpace(path+" "+words[0])) != "" {
		path, words = strings.TrimSpace(path+" "+words[0]), words[1:]
	}
	if command == "exit-codes" {
		return "" // a help topic, which has no help of its own
	}
	text := help(path)
	if path == "" || text == "" {
		return "there is no such command"
	}
	group := strings.Contains(text, "Available Commands")
	if group && len(words) > 0 && !strings.HasPrefix(words[0], "-") && words[0] != "…" {
		return "it has no subcommand " + words[0]
	}
	loose := 0
	for i := 0; i < len(words); i++ {
		w := strings.Trim(words[i], "[]`,.:")
		flag, _, glued := strings.Cut(w, "=")
		switch {
		case w == "--":
			return ""
		case w == "…" || w == "" || w == "-" || w == "|" || w == ">" || w == "<":
		case strings.HasPrefix(flag, "-"):
			known, value := flagOf(text, flag)
			if !known {
				return "it has no flag " + flag
			}
			if value && !glued {
				i++
			}
		default:
			loose++
		}
	}
	if takes := argumentsOf(text); !group && loose > takes {
		return fmt.Sprintf("it takes %d arguments, not %d", takes, loose)
	}
	return ""
}

// flagOf looks a flag up in a command's help, and says whether a value follows it.
func flagOf(text, flag string) (known, value bool) {
	at := `(?m)^ +(?:-\w, )?` + regexp.QuoteMeta(flag)
	if len(flag) == 2 {
		at = `(?m)^ +` + regexp.QuoteMeta(flag) + `, --[a-z-]+`
	}
	m := regexp.MustCompile(at + `(?: (\w+))?(?:\[|  |$)`).FindStringSubmatch(text)
	return m != nil, m != nil && m[1] != ""
}

// argumentsOf counts the arguments that a usage line names; one that may be repeated counts for many.
func argumentsOf(text string) (n int) {
	m := usageLine.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	for w := range strings.FieldsSeq(m[1]) {
		name := strings.Trim(w, "[]")
		switch {
		case strings.Contains(name, "|"): // one of several words
			n++
		case name == "flags" || name == strings.ToLower(name):
		case strings.Contains(name, "..."):
			return 1 << 10
		default:
			n++
		}
	}
	return n
}

// The example in the help of plumb setup ends a set-up under the shipped policy.
func TestTheSetupExampleSatisfiesTheShippedPolicy(t *testing.T) {
	t.Parallel()
	_, example, ok := strings.Cut(help("setup"), "YAML or JSON:\n")
	if example, _, ok = strings.Cut(example, "\n\nThe shipped policy"); !ok {
		t.Fatal("the help holds no example")
	}
	var company struct {
		Officers []string `yaml:"officers"`
		People   []struct {
			Username string   `yaml:"username"`
			Email    string   `yaml:"email"`
			Roles    []string `yaml:"roles"`
		} `yaml:"people"`
	}
	if err := yaml.Unmarshal([]byte(example), &company); err != nil {
		t.Fatal(err)
	}
	var people []policy.Person
	for _, p := range company.People {
		if slices.Contains(company.Officers, p.Username) {
			p.Roles = append(p.Roles, "security-officer")
		}
		if p.Email == "" {
			t.Errorf("%s has no mail address, which the set-up asks for", p.Username)
		}
		people = append(people, policy.Person{ID: p.Username, Roles: p.Roles})
	}
	pack, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := policy.Lint(pack, policy.LintOptions{People: people})
	if err != nil {
		t.Fatal(err)
	}
	if err := policy.Ready(findings); err != nil {
		t.Error(err)
	}
}
