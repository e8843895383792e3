// Package evidence turns the files of test runners and scanners into values: what ran, what it
// found, about which artifact, and whether that is good enough. It is pure: it reads one stream,
// runs nothing, keeps nothing and knows no clock. It does not judge who may hand evidence in, nor
// whether it is fresh; that is the change's business. Requirements A3, A11, A17.
package evidence

import (
	"errors"
	"fmt"
	"io"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// Format is how an evidence file is written.
type Format string

// The formats. The zero value is no format, and nothing is read in it.
const (
	JUnit     Format = "junit"     // JUnit XML as Go, Maven Surefire, pytest and gtest write it
	SARIF     Format = "sarif"     // SARIF 2.1.0, JSON
	Trivy     Format = "trivy"     // Trivy's own JSON report, schema version 2
	CycloneDX Format = "cyclonedx" // CycloneDX JSON, versions 1.4 to 1.6
	Attached  Format = "attached"  // any file; kept by digest, never read, never run
)

// Formats lists every format that Parse knows, in the order in which an error offers them.
func Formats() []Format { return []Format{JUnit, SARIF, Trivy, CycloneDX, Attached} }

// CheckKind is what a piece of evidence can show; a policy demands checks by kind.
type CheckKind string

// The kinds of check that the formats of this package can show.
const (
	Tests          CheckKind = "tests"
	StaticAnalysis CheckKind = "static-analysis"
	SecurityScan   CheckKind = "security-scan"
	SBOM           CheckKind = "sbom"
	AttachedFile   CheckKind = "attached"
)

// Status is the answer of one piece of evidence. The zero value is no answer, and never a pass.
type Status string

// The statuses.
const (
	Pass Status = "pass"
	Fail Status = "fail"
)

// Tool is the program that the file says wrote it. It is the file's own word: untrusted.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Counts is what the file holds, by outcome and by severity. A scanner fills the severities, a test
// run the outcomes; findings are counted here even when they are too many to be listed.
type Counts struct {
	Passed     int `json:"passed"`
	Failed     int `json:"failed"`
	Errors     int `json:"errors"` // tests that broke, or faults the scanner reports of itself
	Skipped    int `json:"skipped"`
	Critical   int `json:"critical"`
	High       int `json:"high"`
	Medium     int `json:"medium"`
	Low        int `json:"low"`
	Info       int `json:"info"`
	Unknown    int `json:"unknown"`    // how many of High are there because their severity is not known
	Suppressed int `json:"suppressed"` // findings that the file itself marks as answered; in no severity
	Components int `json:"components"` // parts listed by a bill of materials
}

// Finding is one failed test or one thing a scanner found. Every text in it is cleaned: no control
// or bidirectional characters, nothing that looks like a secret, and at most maxText bytes.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Location string   `json:"location"`
}

// Result is one evidence file, read. It says what the file shows about Subject and nothing more.
type Result struct {
	Format    Format    `json:"format"`
	Kind      CheckKind `json:"kind"`
	Tool      Tool      `json:"tool"`
	Status    Status    `json:"status"`
	Reason    string    `json:"reason"` // one sentence: why it passes or fails
	Counts    Counts    `json:"counts"`
	Findings  []Finding `json:"findings"`  // the gravest first
	Truncated int       `json:"truncated"` // findings that are counted but not listed
	Started   time.Time `json:"started,omitzero"`
	Finished  time.Time `json:"finished,omitzero"` // as the file says; the zero time when it does not
	Digest    string    `json:"digest"`            // SHA-256 of the bytes read, as seal.Raw writes it
	Size      int64     `json:"size"`              // of those bytes
	MediaType string    `json:"media_type"`
	Subject   string    `json:"subject"`         // what the evidence is about, as Options.Subject says
	Named     []string  `json:"named"`           // the subjects that the file itself names
	Confirmed bool      `json:"confirmed"`       // the file names Subject; false means only that it is silent
	Masked    int       `json:"masked,omitzero"` // places of the file in which something like a secret was hidden before it was kept
}

// Options says how one file is to be judged. The zero value is refused: there is no subject in it.
type Options struct {
	Subject     string   // digest the evidence is about, "sha256:…" or "gitCommit:…"; demanded
	FailOn      Severity // the least severity that fails; "" means High
	MaxFindings int      // findings to list; 0 means DefaultFindings, and 1,000 is the most
	MaxBytes    int64    // bytes to read; 0, or more than MaxSize, means MaxSize
	AllowEmpty  bool     // a Trivy report that scanned nothing may pass; the asker says so explicitly
}

// The limits. They keep the memory that a hostile file can claim near the size of the file.
const (
	MaxSize         = 100 << 20 // bytes of one evidence file
	MaxDepth        = 64        // levels of nesting, in JSON and XML
	DefaultFindings = 50
	mostFindings    = 1000
	maxEntries      = 1_000_000 // tests, results or components in one file
)

// Parse reads one evidence file from r and judges it. It refuses, with a fault, an unknown format, a
// missing or malformed subject, a file over the limits, a compressed file, a malformed or ambiguous
// one, and one that names another subject than o.Subject. A well-formed file with bad news in it is
// no error: its Result has the status Fail. A file that shows that nothing ran fails too, for silence
// proves nothing (A3).
func Parse(format Format, r io.Reader, o Options) (*Result, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	src := newSource(r, o.MaxBytes)
	res := &Result{Format: format, Subject: o.Subject, Findings: []Finding{}, Named: []string{}}
	if err := parse(format, src, o, res); err != nil {
		return nil, src.explain(err)
	}
	if res.Digest, res.Size, err = src.finish(); err != nil {
		return nil, err
	}
	if res.Confirmed, err = confirm(o.Subject, res.Named); err != nil {
		return nil, err
	}
	return res, nil
}

func parse(format Format, src *source, o Options, res *Result) error {
	switch format {
	case JUnit:
		return parseJUnit(src, o, res)
	case SARIF:
		return parseSARIF(src, o, res)
	case Trivy:
		return parseTrivy(src, o, res)
	case CycloneDX:
		return parseCycloneDX(src, o, res)
	case Attached:
		return parseAttached(src, res)
	}
	return fault.New(fault.Invalid, "unknown_format", "This evidence format is not known.").
		Then("choose one of %s", choices(Formats()))
}

// complete checks the options and fills in the defaults.
func (o Options) complete() (Options, error) {
	if o.Subject == "" {
		return o, fault.New(fault.Invalid, "no_subject",
			"Evidence must say which digest it is about.").Because("evidence-subject", "A3").
			Then("give the digest of what was tested, such as sha256:… or gitCommit:…")
	}
	if _, ok := readSubject(o.Subject); !ok {
		return o, fault.New(fault.Invalid, "bad_subject",
			"The subject of evidence must be a lower-case digest such as sha256:… or gitCommit:….").
			Then("name what was tested by its digest")
	}
	if o.FailOn == "" {
		o.FailOn = High
	}
	if o.FailOn.rank() < 0 {
		return o, fault.New(fault.Invalid, "unknown_severity", "The severity to fail on is not known.").
			Then("choose one of critical, high, medium, low, info")
	}
	if o.MaxFindings < 0 || o.MaxBytes < 0 {
		return o, fault.New(fault.Invalid, "bad_limit", "A limit cannot be negative.").Then("leave the limit out")
	}
	if o.MaxFindings == 0 {
		o.MaxFindings = DefaultFindings
	}
	o.MaxFindings = min(o.MaxFindings, mostFindings)
	if o.MaxBytes == 0 || o.MaxBytes > MaxSize {
		o.MaxBytes = MaxSize
	}
	return o, nil
}

func choices(fs []Format) string {
	out := ""
	for i, f := range fs {
		if i > 0 {
			out += ", "
		}
		out += string(f)
	}
	return out
}

// malformed is the refusal of a file that is not what it says. The cause stays for the operator.
func malformed(format Format, err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	return fault.New(fault.Invalid, "bad_evidence", "The file is not well-formed %s.", format).
		FixedBy("the pipeline that wrote it").From(fmt.Errorf("parse %s: %w", format, err)).
		Then("make the file again, or name its format: --format")
}
