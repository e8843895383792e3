package evidence

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

const (
	maxElements   = 10_000_000 // of one XML file
	maxAttributes = 32         // of one element; JUnit's richest has fewer than twenty
)

// junit reads a JUnit file as a stream. The format has no standard; what the dialects share is
// testsuites or testsuite at the root, testcase inside, and failure, error or skipped inside that.
type junit struct {
	res      *Result
	tally    *tally
	path     []string // open elements, lower case
	elements int
	rooted   bool
	suite    string
	declared int       // failures and errors that the suites claim in their attributes
	test     *testcase // open testcase
	said     *strings.Builder
}

// testcase is one test while it is read.
type testcase struct {
	name, location         string
	failed, broke, skipped bool
	title                  string
	message                strings.Builder // text of the first failure, when it has no message
}

func parseJUnit(src *source, o Options, res *Result) error {
	res.Kind, res.MediaType = Tests, "application/xml"
	r, err := src.text((&xmlGuard{}).check)
	if err != nil {
		return err
	}
	j := &junit{res: res, tally: newTally(res, o)}
	if err := j.read(r); err != nil {
		return malformed(JUnit, err)
	}
	if !j.rooted {
		return malformed(JUnit, errEmpty)
	}
	j.tally.list(res)
	j.judge()
	return nil
}

func (j *junit) read(r io.Reader) error {
	dec := xml.NewDecoder(r)
	dec.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, notUTF8() }
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			err = j.open(tok)
		case xml.EndElement:
			j.close()
		case xml.CharData:
			err = j.text(tok)
		case xml.Directive:
			err = declared() // the guard has refused it already; this is the second lock
		}
		if err != nil {
			return err
		}
	}
}

func (j *junit) open(e xml.StartElement) error {
	if j.elements++; j.elements > maxElements {
		return fault.New(fault.TooLarge, "too_many_entries", "The file holds more than %d elements.", maxElements).
			Then("hand it in in parts")
	}
	if len(j.path) >= MaxDepth {
		return tooDeep()
	}
	attr, err := attributes(e.Attr)
	if err != nil {
		return err
	}
	// Names are compared in lower case, so that a <Failure> is not overlooked.
	name := strings.ToLower(e.Name.Local)
	if len(j.path) == 0 && (j.rooted || name != "testsuites" && name != "testsuite") {
		return fault.New(fault.Invalid, "not_junit", "The XML is no JUnit file: its root is not testsuites or testsuite.").
			Then("name the format that it has: --format")
	}
	j.rooted = true
	j.path = append(j.path, name)
	return j.element(name, attr)
}

func (j *junit) element(name string, attr func(string) string) error {
	switch name {
	case "testsuites", "testsuite":
		return j.openSuite(name, attr)
	case "testcase":
		return j.openTest(attr)
	case "failure", "rerunfailure":
		j.bad(attr, false)
	case "error", "rerunerror":
		j.bad(attr, true)
	case "skipped":
		if j.test != nil {
			j.test.skipped = true
		}
	case "property":
		j.property(attr("name"), attr("value"))
	}
	return nil
}

// attributes gives the attributes by name; XML forbids the same twice, which the decoder lets pass.
func attributes(list []xml.Attr) (func(string) string, error) {
	if len(list) > maxAttributes {
		return nil, tooWide("an element")
	}
	for i, a := range list {
		for _, b := range list[:i] {
			if a.Name == b.Name {
				return nil, fault.New(fault.Invalid, "duplicate_attribute", "The XML has the same attribute twice.").
					Then("mend the tool that wrote it")
			}
		}
	}
	return func(name string) string {
		for _, a := range list {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}, nil
}

func (j *junit) openSuite(name string, attr func(string) string) error {
	if j.test != nil {
		return fault.New(fault.Invalid, "not_junit", "The JUnit file has a test suite inside a test.").
			Then("mend the tool that wrote it")
	}
	for _, a := range [...]string{"failures", "errors"} {
		v := attr(a)
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return fault.New(fault.Invalid, "bad_count", "A test suite counts its %s with something else than a number.", a).
				Then("mend the tool that wrote it")
		}
		j.declared += min(n, maxEntries)
	}
	if name == "testsuite" {
		j.suite = attr("name")
		if j.suite == "pytest" && j.res.Tool.Name == "" {
			j.res.Tool.Name = "pytest"
		}
	}
	if strings.Contains(attr("noNamespaceSchemaLocation"), "surefire") {
		j.res.Tool.Name = "Maven Surefire"
	}
	if from := instant(attr("timestamp")); !from.IsZero() {
		to := time.Time{}
		if d := span(attr("time")); d > 0 {
			to = from.Add(d)
		}
		j.res.cover(from, to)
	}
	return nil
}

func (j *junit) openTest(attr func(string) string) error {
	if j.test != nil {
		return fault.New(fault.Invalid, "not_junit", "The JUnit file has a test inside a test.").
			Then("mend the tool that wrote it")
	}
	t := &testcase{name: attr("name"), location: attr("file")}
	if class := attr("classname"); class != "" {
		t.name = class + "." + t.name
	}
	if line := attr("line"); t.location != "" && line != "" {
		t.location += ":" + line
	}
	// gtest and some others write the outcome as an attribute, with or without a child element.
	for _, a := range [...]string{"status", "result"} {
		switch strings.ToLower(attr(a)) {
		case "fail", "failed", "failure":
			t.failed = true
		case "error", "broken", "aborted", "timeout":
			t.broke = true
		case "skipped", "notrun", "disabled", "ignored", "suppressed", "pending":
			t.skipped = true
		}
	}
	j.test = t
	return j.tally.enter()
}

// bad marks the open test as failed or broken; outside a test it is the suite that broke.
func (j *junit) bad(attr func(string) string, broke bool) {
	title := attr("message")
	if title == "" {
		title = attr("type")
	}
	if j.test == nil {
		j.res.Counts.Errors++
		j.tally.keep(High, j.suite, title, "")
		return
	}
	t := j.test
	if broke {
		t.broke = true
	} else {
		t.failed = true
	}
	if t.title == "" {
		t.title, j.said = title, &t.message
	}
}

// property reads what the build says of itself: the Go version, and the commit under test.
func (j *junit) property(name, value string) {
	switch name {
	case "go.version":
		version, _, _ := strings.Cut(value, " ")
		j.res.Tool = Tool{Name: "go test", Version: version}
	case "plumb.subject":
		j.res.name(value)
	case "git.commit", "git.commit.id", "vcs.revision":
		j.res.nameCommit(value)
	}
}

func (j *junit) text(b []byte) error {
	if len(j.path) == 0 && strings.TrimSpace(string(b)) != "" {
		return errors.New("text outside the root element")
	}
	if j.said != nil && j.said.Len() < maxRaw {
		j.said.Write(b[:min(len(b), maxRaw)])
	}
	return nil
}

func (j *junit) close() {
	name := j.path[len(j.path)-1]
	j.path = j.path[:len(j.path)-1]
	j.said = nil
	if name != "testcase" || j.test == nil {
		return
	}
	t, c := j.test, &j.res.Counts
	j.test = nil
	if strings.TrimSpace(t.title) == "" {
		t.title = t.message.String()
	}
	switch {
	case t.broke:
		c.Errors++
	case t.failed:
		c.Failed++
	case t.skipped:
		c.Skipped++
		return
	default:
		c.Passed++
		return
	}
	j.tally.keep(High, t.name, t.title, t.location)
}

// judge decides over the run. Silence fails: no test, only skipped tests, or failures that are
// claimed and not listed.
func (j *junit) judge() {
	res, c := j.res, j.res.Counts
	res.Tool = Tool{Name: clean(res.Tool.Name), Version: clean(res.Tool.Version)}
	ran := c.Passed + c.Failed + c.Errors
	switch {
	case c.Errors > 0 || c.Failed > 0:
		res.refuse(fmt.Sprintf("%d of %s failed and %d broke.", c.Failed, some(ran, "test"), c.Errors))
	case j.declared > 0:
		res.refuse("The file counts failures that it does not list.")
	case ran == 0 && c.Skipped > 0:
		res.refuse("No tests ran: all were skipped.")
	case ran == 0:
		res.refuse("No tests ran.")
	default:
		res.Status, res.Reason = Pass, fmt.Sprintf("%s passed, %d skipped.", some(c.Passed, "test"), c.Skipped)
	}
}
