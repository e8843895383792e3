package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// Severity is how grave a finding is.
type Severity string

// The severities, gravest first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

// severities are ordered from the gravest down; the rank is the distance from the end.
var severities = [...]Severity{Critical, High, Medium, Low, Info}

// rank orders severities: 4 for Critical down to 0 for Info, and -1 for none of them.
func (s Severity) rank() int {
	i := slices.Index(severities[:], s)
	if i < 0 {
		return -1
	}
	return len(severities) - 1 - i
}

// severity reads a scanner's word. A word nobody knows is High, and known is false: a finding that
// cannot be weighed must be looked at.
func severity(word string) (s Severity, known bool) {
	switch strings.ToLower(word) {
	case "critical":
		return Critical, true
	case "high":
		return High, true
	case "medium", "moderate":
		return Medium, true
	case "low":
		return Low, true
	case "info", "informational", "none":
		return Info, true
	}
	return High, false
}

// scored reads a CVSS base score, 0 to 10, by the bands of the CVSS 3.1 specification, section 5.
// rated is false where the score says nothing: when it is absent, or zero, which some scanners write
// for "not scored". A score that is no number in range is High and not known.
func scored(score string) (s Severity, known, rated bool) {
	if score == "" {
		return "", false, false
	}
	f, err := strconv.ParseFloat(score, 64)
	switch {
	case err != nil || !(f >= 0 && f <= 10):
		return High, false, true
	case f == 0:
		return "", false, false
	case f >= 9:
		return Critical, true, true
	case f >= 7:
		return High, true, true
	case f >= 4:
		return Medium, true, true
	}
	return Low, true, true
}

// tally counts findings and keeps the gravest few. Its memory does not grow with the file.
type tally struct {
	counts  *Counts
	most    int
	kept    [len(severities)][]Finding
	found   int
	entries int
}

func newTally(res *Result, o Options) *tally {
	return &tally{counts: &res.Counts, most: o.MaxFindings}
}

// enter counts one test, result or component, and refuses the file when they are too many.
func (t *tally) enter() error {
	if t.entries++; t.entries > maxEntries {
		return fault.New(fault.TooLarge, "too_many_entries",
			"The file holds more than %d entries.", maxEntries).Then("hand it in in parts")
	}
	return nil
}

// keep lists a finding while there is room in its severity; its texts are cleaned here, and only
// here, so that none can slip through.
func (t *tally) keep(s Severity, id, title, location string) {
	t.found++
	i := len(severities) - 1 - s.rank()
	if len(t.kept[i]) >= t.most {
		return
	}
	t.kept[i] = append(t.kept[i], Finding{ID: clean(id), Severity: s, Title: clean(title), Location: clean(location)})
}

// add counts a scanner's finding by severity and keeps it.
func (t *tally) add(s Severity, known bool, id, title, location string) {
	switch s {
	case Critical:
		t.counts.Critical++
	case High:
		t.counts.High++
	case Medium:
		t.counts.Medium++
	case Low:
		t.counts.Low++
	default:
		t.counts.Info++
	}
	if !known {
		t.counts.Unknown++
	}
	t.keep(s, id, title, location)
}

// list writes the kept findings into the result, and how many are left out.
func (t *tally) list(res *Result) {
	for _, k := range t.kept {
		room := t.most - len(res.Findings)
		res.Findings = append(res.Findings, k[:min(room, len(k))]...)
	}
	res.Truncated = t.found - len(res.Findings)
}

// atLeast counts the findings of this severity or a graver one.
func (c Counts) atLeast(s Severity) int {
	by := [...]int{c.Critical, c.High, c.Medium, c.Low, c.Info}
	n := 0
	for i := range severities {
		if severities[i].rank() >= s.rank() {
			n += by[i]
		}
	}
	return n
}

// judge sets the status of a scan by its gravest findings.
func (res *Result) judge(failOn Severity) {
	c := res.Counts
	bad := c.atLeast(failOn)
	below := c.atLeast(Info) - bad
	res.Status, res.Reason = Pass, fmt.Sprintf("No finding of severity %s or above", failOn)
	if bad > 0 {
		res.Status, res.Reason = Fail, fmt.Sprintf("%s of severity %s or above", some(bad, "finding"), failOn)
	}
	if c.Unknown > 0 {
		res.Reason += fmt.Sprintf(", %d of unknown severity counted as high", c.Unknown)
	}
	if below > 0 {
		res.Reason += fmt.Sprintf("; %d below it", below)
	}
	if c.Suppressed > 0 {
		res.Reason += fmt.Sprintf("; %d suppressed in the file", c.Suppressed)
	}
	res.Reason += "."
}

// refuse sets the status to Fail for a reason that no count shows.
func (res *Result) refuse(reason string) { res.Status, res.Reason = Fail, reason }

func some(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
