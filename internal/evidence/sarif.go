package evidence

import (
	"bytes"
	"io"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// sarifLog is what is read of a SARIF 2.1.0 file. Numbers in comments are sections of the standard.
type sarifLog struct {
	Version text           `json:"version"`
	Runs    each[sarifRun] `json:"runs"`
}

// sarifRun is one run of one tool (3.14).
type sarifRun struct {
	Tool struct {
		Driver     sarifComponent       `json:"driver"`
		Extensions each[sarifComponent] `json:"extensions"`
	} `json:"tool"`
	Invocations each[sarifInvocation] `json:"invocations"`
	Provenance  each[sarifRevision]   `json:"versionControlProvenance"`
	Properties  struct {              // as Trivy writes them for an image
		ImageID     text  `json:"imageID"`
		RepoDigests texts `json:"repoDigests"`
	} `json:"properties"`
	Results each[sarifResult] `json:"results"`
}

type sarifRevision struct {
	RevisionID text `json:"revisionId"`
}

// sarifInvocation tells how the tool fared (3.20). executionSuccessful has no default.
type sarifInvocation struct {
	Start      text                    `json:"startTimeUtc"`
	End        text                    `json:"endTimeUtc"`
	Successful flag                    `json:"executionSuccessful"`
	Ran        each[sarifNotification] `json:"toolExecutionNotifications"`
	Configured each[sarifNotification] `json:"toolConfigurationNotifications"`
	Overrides  each[sarifOverride]     `json:"ruleConfigurationOverrides"`
}

type sarifNotification struct {
	Level text `json:"level"`
}

type sarifOverride struct {
	Descriptor    sarifRef      `json:"descriptor"`
	Configuration sarifSettings `json:"configuration"`
}

type sarifSettings struct {
	Level text `json:"level"`
}

// sarifRef points at a rule by id or by index, in the driver or in an extension (3.52).
type sarifRef struct {
	ID        text `json:"id"`
	Index     text `json:"index"`
	Component struct {
		Index text `json:"index"`
	} `json:"toolComponent"`
}

// sarifComponent is the tool or a pack of rules for it (3.19).
type sarifComponent struct {
	Name            text            `json:"name"`
	Version         text            `json:"version"`
	SemanticVersion text            `json:"semanticVersion"`
	Rules           each[sarifRule] `json:"rules"`
}

type sarifMessage struct {
	Text     text `json:"text"`
	Markdown text `json:"markdown"`
}

// sarifRule describes what a result is an instance of (3.49).
type sarifRule struct {
	ID         text          `json:"id"`
	Name       text          `json:"name"`
	Short      sarifMessage  `json:"shortDescription"`
	Settings   sarifSettings `json:"defaultConfiguration"`
	Properties struct {
		Score text `json:"security-severity"`
	} `json:"properties"`
}

// sarifResult is one result (3.27).
type sarifResult struct {
	RuleID     text                `json:"ruleId"`
	RuleIndex  text                `json:"ruleIndex"`
	Rule       sarifRef            `json:"rule"`
	Kind       text                `json:"kind"`
	Level      text                `json:"level"`
	Baseline   text                `json:"baselineState"`
	Message    sarifMessage        `json:"message"`
	Locations  each[sarifLocation] `json:"locations"`
	Answers    each[sarifAnswer]   `json:"suppressions"`
	Properties struct {
		Score text `json:"security-severity"`
	} `json:"properties"`

	at       string
	answers  int
	standing bool // a suppression is only asked for, or was rejected
}

type sarifAnswer struct {
	Status text `json:"status"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI text `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine text `json:"startLine"`
		} `json:"region"`
	} `json:"physicalLocation"`
}

func parseSARIF(src *source, o Options, res *Result) error {
	res.Kind, res.MediaType = SecurityScan, "application/sarif+json"
	r, err := src.text((&jsonGuard{}).check)
	if err != nil {
		return err
	}
	// Two readings, because results mostly stand before the rules that weigh them, and both can be
	// many. The bytes are kept between, at most MaxSize of them.
	all, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	tools, err := readTools(all, res)
	if err != nil {
		return err
	}
	t, runs := newTally(res, o), 0
	doc := sarifLog{Runs: each[sarifRun]{
		make: func() *sarifRun { runs++; return tools[runs-1].results(t) },
	}}
	if err := decode(SARIF, bytes.NewReader(all), &doc); err != nil {
		return err
	}
	if len(tools) == 0 {
		res.Kind = StaticAnalysis
	}
	t.list(res)
	res.judge(o.FailOn)
	if why := silence(tools); why != "" {
		res.refuse(why)
	}
	return nil
}

// silence says why the file proves nothing, or "".
func silence(tools []*sarifTool) string {
	if len(tools) == 0 {
		return "The scanner never ran: the file has no runs."
	}
	for _, one := range tools {
		switch {
		case one.unfinished:
			return "The scanner reports that it did not run to a good end."
		case !one.gave:
			return "The scanner never ran: a run has no list of results."
		}
	}
	return ""
}

// readTools is the first reading: the tools with their rules, how they fared, and the subjects.
func readTools(all []byte, res *Result) ([]*sarifTool, error) {
	var tools []*sarifTool
	doc := sarifLog{Runs: each[sarifRun]{
		make: func() *sarifRun {
			one := &sarifTool{rules: map[string]sarifWeight{}}
			tools = append(tools, one)
			return one.describe(res)
		},
		use: func(run *sarifRun) error {
			one := tools[len(tools)-1]
			one.gave = run.Results.given
			for _, d := range run.Properties.RepoDigests {
				res.nameImage(d)
			}
			res.nameImage(string(run.Properties.ImageID))
			addTool(res, string(run.Tool.Driver.Name), first(run.Tool.Driver.SemanticVersion, run.Tool.Driver.Version))
			if len(tools) > maxRuns {
				return tooWide("a list of runs")
			}
			return nil
		},
	}}
	if err := decode(SARIF, bytes.NewReader(all), &doc); err != nil {
		return nil, err
	}
	if doc.Version != "2.1.0" {
		return nil, fault.New(fault.Invalid, "unknown_version", "This version of SARIF is not known; 2.1.0 is.").
			Then("let the tool write SARIF 2.1.0")
	}
	return tools, nil
}

// addTool names the tools of the runs. A file with any run of a source-code analyser counts as
// static analysis; only one written by scanners of packages and images alone is a security scan.
func addTool(res *Result, name, version string) {
	if !scansPackages(name) {
		res.Kind = StaticAnalysis
	}
	if res.Tool.Name == "" {
		res.Tool = Tool{Name: clean(name), Version: clean(version)}
	}
}

// scansPackages knows the scanners of packages, images and infrastructure that write SARIF.
func scansPackages(tool string) bool {
	tool = strings.ToLower(tool)
	for _, known := range [...]string{"trivy", "grype", "snyk container", "snyk open source", "osv-scanner",
		"govulncheck", "dependency-check", "clair", "docker scout", "checkov", "kics"} {
		if strings.HasPrefix(tool, known) {
			return true
		}
	}
	return false
}

// results makes a run whose results go to the tally as they are read.
func (one *sarifTool) results(t *tally) *sarifRun {
	return &sarifRun{Results: each[sarifResult]{
		make: newSARIFResult,
		use:  func(r *sarifResult) error { one.weigh(r, t); return t.enter() },
	}}
}

func newSARIFResult() *sarifResult {
	r := &sarifResult{}
	r.Locations.use = func(l *sarifLocation) error {
		if r.at == "" && l.Physical.Artifact.URI != "" {
			r.at = string(l.Physical.Artifact.URI)
			if l.Physical.Region.StartLine != "" {
				r.at += ":" + string(l.Physical.Region.StartLine)
			}
		}
		return nil
	}
	r.Answers.use = func(a *sarifAnswer) error {
		r.answers++
		r.standing = r.standing || a.Status != "" && a.Status != "accepted"
		return nil
	}
	return r
}

// weigh counts one result. Suppressed ones (3.27.23) and those gone since the baseline are not
// findings; a kind that asks a person to look (open, review) is one of unknown severity.
func (one *sarifTool) weigh(r *sarifResult, t *tally) {
	switch {
	case r.Kind == "pass" || r.Kind == "notApplicable":
		t.counts.Passed++
		return
	case r.Baseline == "absent":
		return
	case r.answers > 0 && !r.standing:
		t.counts.Suppressed++
		return
	}
	rule := one.find(r)
	s, known := rule.severity(r)
	title := first(r.Message.Text, r.Message.Markdown)
	if title == "" {
		title = rule.title
	}
	t.add(s, known, first(r.RuleID, r.Rule.ID, text(rule.id)), title, r.at)
}

// severity weighs a result: by its own or its rule's security score, else by its level, else by the
// rule's, else "warning" (3.27.10).
func (w sarifWeight) severity(r *sarifResult) (Severity, bool) {
	score := first(r.Properties.Score, text(w.score))
	if s, known, rated := scored(score); rated {
		return s, known
	}
	level := first(r.Level, text(w.override), text(w.level))
	switch {
	case r.Kind == "informational":
		return Info, true
	case (r.Level == "" || r.Level == "none") && (r.Kind == "open" || r.Kind == "review"):
		return High, false
	case level == "error":
		return High, true
	case level == "warning" || level == "":
		return Medium, true
	case level == "note":
		return Low, true
	case level == "none":
		return Info, true
	}
	return High, false
}
