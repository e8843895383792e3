package cli

import (
	"encoding/xml"
	"fmt"
	"strings"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// gateDocument writes a verdict in the form that a CI system shows.
func gateDocument(format string, v wire.GateVerdict) ([]byte, error) {
	switch format {
	case "junit":
		return junitReport(v)
	case "sarif":
		return sarifReport(v)
	case "github":
		return githubReport(v), nil
	case "gitlab":
		return gitlabReport(v)
	}
	return bitbucketReport(v)
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junitReport has one test for the verdict, and one for each thing in the way.
func junitReport(v wire.GateVerdict) ([]byte, error) {
	s := junitSuite{Name: "plumb gate"}
	line := verdictLine(v, plain)
	first := junitCase{Class: "plumb.gate", Name: strings.TrimSpace("gate " + clean(v.Change))}
	if v.Verdict != wire.Allow {
		first.Failure = &junitFailure{Message: line, Text: line}
	}
	s.Cases = append(s.Cases, first)
	for _, f := range findings(v) {
		s.Cases = append(s.Cases, junitCase{Class: "plumb.gate." + f.kind, Name: clean(f.code), Failure: &junitFailure{Message: clean(f.text),
			Text: clean(strings.TrimSpace(fmt.Sprintf("%s\n%s\nwho: %s", f.text, ruleText(f.rule, f.clause), f.who)))}})
	}
	return s.write()
}

// write counts the tests and gives the document.
func (s *junitSuite) write() ([]byte, error) {
	s.Tests = len(s.Cases)
	for _, c := range s.Cases {
		if c.Failure != nil {
			s.Failures++
		}
	}
	b, err := xml.MarshalIndent(s, "", "  ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}

// reportStories has one test for each story of a policy pack.
func (a *app) reportStories(list []policy.Story) error {
	s := junitSuite{Name: "plumb policy test"}
	for _, story := range list {
		c := junitCase{Class: "plumb.policy", Name: clean(story.File)}
		if !story.OK {
			c.Failure = &junitFailure{Message: "the story expects nothing"}
		}
		var wrong []string
		for _, step := range story.Steps {
			if !step.OK {
				wrong = append(wrong, clean(fmt.Sprintf("line %d: %s: got %s", step.Line, step.Text, step.Got)))
			}
		}
		if len(wrong) > 0 {
			c.Failure = &junitFailure{Message: wrong[0], Text: strings.Join(wrong, "\n")}
		}
		s.Cases = append(s.Cases, c)
	}
	b, err := s.write()
	if err == nil {
		_, err = a.out.Write(b)
	}
	return err
}

func plain(_, s string) string { return s }

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID  string    `json:"ruleId"`
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
	Prints  struct {
		Gate string `json:"plumbGate/v1"`
	} `json:"partialFingerprints"`
}

type sarifRule struct {
	ID   string    `json:"id"`
	Text sarifText `json:"shortDescription"`
}

type sarifRun struct {
	Tool struct {
		Driver struct {
			Name    string      `json:"name"`
			Version string      `json:"version"`
			URI     string      `json:"informationUri"`
			Rules   []sarifRule `json:"rules"`
		} `json:"driver"`
	} `json:"tool"`
	Results []sarifResult `json:"results"`
}

// sarifReport is SARIF 2.1.0: a result for each thing in the way, none when the gate allows.
func sarifReport(v wire.GateVerdict) ([]byte, error) {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver.Name, run.Tool.Driver.Version, run.Tool.Driver.URI = "plumb", version(), "https://plumbline.dev"
	run.Tool.Driver.Rules = []sarifRule{}
	known := map[string]bool{}
	for _, f := range findings(v) {
		id := either(f.rule, f.kind)
		if !known[id] {
			known[id] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: id, Text: sarifText{either(ruleText(f.rule, f.clause), f.kind)}})
		}
		r := sarifResult{RuleID: id, Level: "error", Message: sarifText{clean(f.text)}}
		r.Prints.Gate = fingerprint(v, f)
		run.Results = append(run.Results, r)
	}
	return pretty(struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func fingerprint(v wire.GateVerdict, f finding) string {
	return strings.TrimPrefix(seal.Digest("plumb.finding.v1", []byte(v.Change+"\n"+f.kind+"\n"+f.code+"\n"+f.rule)), "sha256:")
}

// githubReport writes workflow commands: an annotation for each thing in the way, and the verdict.
func githubReport(v wire.GateVerdict) []byte {
	var b strings.Builder
	for _, f := range findings(v) {
		text := clean(f.text)
		if why := ruleText(f.rule, f.clause); why != "" {
			text += " (" + clean(why) + ")"
		}
		fmt.Fprintf(&b, "::error title=%s::%s\n", githubProperty("plumb "+f.kind), githubData(text))
	}
	word := "error"
	if v.Verdict == wire.Allow {
		word = "notice"
	}
	fmt.Fprintf(&b, "::%s title=plumb gate::%s\n", word, githubData(verdictLine(v, plain)))
	return []byte(b.String())
}

func githubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func githubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubData(s))
}

type gitlabIssue struct {
	Description string `json:"description"`
	Check       string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

// gitlabReport is a Code Quality report; an empty list when the gate allows.
func gitlabReport(v wire.GateVerdict) ([]byte, error) {
	list := []gitlabIssue{}
	for _, f := range findings(v) {
		i := gitlabIssue{Description: clean(f.text), Check: "plumb." + either(f.rule, f.kind), Fingerprint: fingerprint(v, f), Severity: "blocker"}
		i.Location.Path, i.Location.Lines.Begin = either(clean(v.Change), "gate"), 1
		list = append(list, i)
	}
	return pretty(list)
}

type bitbucketData struct {
	Title string `json:"title"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

type bitbucketNote struct {
	ID       string `json:"external_id"`
	Type     string `json:"annotation_type"`
	Summary  string `json:"summary"`
	Details  string `json:"details,omitempty"`
	Severity string `json:"severity"`
	Result   string `json:"result"`
}

// bitbucketReport is a Code Insights report with its annotations, for the two requests that take them.
func bitbucketReport(v wire.GateVerdict) ([]byte, error) {
	type report struct {
		Title    string          `json:"title"`
		Details  string          `json:"details"`
		Type     string          `json:"report_type"`
		Reporter string          `json:"reporter"`
		Result   string          `json:"result"`
		Link     string          `json:"link,omitempty"`
		Data     []bitbucketData `json:"data"`
	}
	r := report{Title: "Plumbline gate", Details: verdictLine(v, plain), Type: "SECURITY", Reporter: "plumb", Result: "FAILED", Link: v.URL,
		Data: []bitbucketData{{"Change", "TEXT", either(clean(v.Change), "none")}, {"Exit code", "TEXT", fmt.Sprint(v.Code)}}}
	if v.Verdict == wire.Allow {
		r.Result = "PASSED"
	}
	notes := []bitbucketNote{}
	for _, f := range findings(v) {
		notes = append(notes, bitbucketNote{ID: fingerprint(v, f)[:32], Type: "VULNERABILITY", Summary: shorten(clean(f.text), 450),
			Details: ruleText(f.rule, f.clause), Severity: "HIGH", Result: "FAILED"})
	}
	return pretty(struct {
		Report      report          `json:"report"`
		Annotations []bitbucketNote `json:"annotations"`
	}{r, notes})
}

func pretty(v any) ([]byte, error) {
	raw, err := marshal(v)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	err = writeJSON(&b, raw)
	return []byte(b.String()), err
}
