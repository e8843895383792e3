package evidence

import (
	"strconv"

	"plumbline.dev/plumb/internal/fault"
)

// trivyReport is what is read of Trivy's JSON, schema version 2.
type trivyReport struct {
	SchemaVersion text
	CreatedAt     text
	ArtifactName  text
	ArtifactType  text
	Trivy         struct{ Version text }
	Metadata      struct {
		ImageID     text
		RepoDigests texts
		Commit      text
	}
	Results each[trivyTarget]
}

// trivyTarget is what was found in one scanned part.
type trivyTarget struct {
	Target                       text
	Class                        text
	Vulnerabilities              each[trivyVulnerability]
	Misconfigurations            each[trivyFinding]
	Secrets                      each[trivyFinding]
	Licenses                     each[trivyFinding]
	ExperimentalModifiedFindings each[struct{}]
	MisconfSummary               struct{ Successes, Exceptions text }
}

type trivyVulnerability struct {
	VulnerabilityID  text
	PkgName          text
	InstalledVersion text
	Severity         text
	Title            text
}

// trivyFinding is a misconfiguration, a secret or a licence. The matched text of a secret is never
// read.
type trivyFinding struct {
	ID, RuleID, Name text
	Title            text
	PkgName          text
	FilePath         text
	Severity         text
	Status           text
	StartLine        text
	CauseMetadata    struct{ StartLine text }
}

func parseTrivy(src *source, o Options, res *Result) error {
	res.Kind, res.MediaType = SecurityScan, "application/json"
	r, err := src.text((&jsonGuard{}).check)
	if err != nil {
		return err
	}
	t, targets := newTally(res, o), 0
	doc := trivyReport{Results: each[trivyTarget]{
		make: func() *trivyTarget { return newTrivyTarget(t) },
		use: func(one *trivyTarget) error {
			targets++
			res.Counts.Passed += count(one.MisconfSummary.Successes)
			res.Counts.Suppressed += count(one.MisconfSummary.Exceptions)
			return t.enter()
		}}}
	if err := decode(Trivy, r, &doc); err != nil {
		return err
	}
	if doc.SchemaVersion != "2" {
		return fault.New(fault.Invalid, "unknown_version", "This version of the Trivy report is not known; version 2 is.").
			Then("trivy with --format json, of a version that writes schema 2")
	}
	res.Tool = Tool{Name: "Trivy", Version: clean(string(doc.Trivy.Version))}
	res.cover(instant(string(doc.CreatedAt)), instant(string(doc.CreatedAt)))
	doc.nameSubjects(res)
	t.list(res)
	res.judge(o.FailOn)
	if targets == 0 && !o.AllowEmpty {
		res.refuse("The scanner looked at nothing: the report has no results.")
	}
	return nil
}

// newTrivyTarget makes a target whose findings go to the tally as they are read.
func newTrivyTarget(t *tally) *trivyTarget {
	one := &trivyTarget{}
	one.Vulnerabilities.use = func(v *trivyVulnerability) error {
		s, known := severity(string(v.Severity))
		at := string(v.PkgName)
		if v.InstalledVersion != "" {
			at += "@" + string(v.InstalledVersion)
		}
		t.add(s, known, string(v.VulnerabilityID), string(v.Title), one.at(at))
		return t.enter()
	}
	one.Misconfigurations.use = func(f *trivyFinding) error {
		// The summary counts what passed or is excepted; FAIL, and any word not known, is a finding.
		if f.Status != "PASS" && f.Status != "EXCEPTION" {
			f.add(t, one)
		}
		return t.enter()
	}
	plain := func(f *trivyFinding) error { f.add(t, one); return t.enter() }
	one.Secrets.use, one.Licenses.use = plain, plain
	one.ExperimentalModifiedFindings.use = func(*struct{}) error { t.counts.Suppressed++; return t.enter() }
	return one
}

func (f *trivyFinding) add(t *tally, one *trivyTarget) {
	s, known := severity(string(f.Severity))
	at := one.at(first(f.FilePath, f.PkgName))
	if line := first(f.StartLine, f.CauseMetadata.StartLine); line != "" && line != "0" {
		at += ":" + line
	}
	t.add(s, known, first(f.ID, f.RuleID, f.Name), first(f.Title, f.Name), at)
}

// at says where in the target; the target's name is known only when it stood before its findings.
func (one *trivyTarget) at(part string) string {
	if one.Target == "" || part == "" {
		return string(one.Target) + part
	}
	return string(one.Target) + " " + part
}

// nameSubjects names the image or the commit that was scanned.
func (doc *trivyReport) nameSubjects(res *Result) {
	for _, d := range doc.Metadata.RepoDigests {
		res.nameImage(d)
	}
	res.nameImage(string(doc.Metadata.ImageID))
	if doc.ArtifactType == "container_image" {
		res.nameImage(string(doc.ArtifactName))
	}
	res.nameCommit(string(doc.Metadata.Commit))
}

// first is the first text that says something.
func first(ts ...text) string {
	for _, t := range ts {
		if t != "" {
			return string(t)
		}
	}
	return ""
}

// count reads a small number; anything else is none.
func count(t text) int {
	n, err := strconv.Atoi(string(t))
	if err != nil || n < 0 || n > maxEntries {
		return 0
	}
	return n
}
