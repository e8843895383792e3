package evidence_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
)

func TestEvidenceNeedsASubject(t *testing.T) {
	t.Parallel()
	body := fixture(t, "junit/go-pass.xml")
	for subject, code := range map[string]string{
		"":                                       "no_subject",
		"latest":                                 "bad_subject",
		"sha256:":                                "bad_subject",
		"sha256:11":                              "bad_subject",
		"md5:641b6e166f8b33c5e959e2adcc18b1c7":   "bad_subject",
		strings.ToUpper(image):                   "bad_subject",
		"sha256:" + strings.Repeat("A", 64):      "bad_subject",
		"gitCommit:4444444":                      "bad_subject",
		image + "\n":                             "bad_subject",
		"registry.example.test/billing@" + image: "bad_subject",
	} {
		_, err := evidence.Parse(evidence.JUnit, bytes.NewReader(body), evidence.Options{Subject: subject})
		wantFault(t, err, code)
	}
}

func TestFileAboutAnotherSubjectIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file    string
		format  evidence.Format
		subject string
	}{
		{"trivy/image-findings.json", evidence.Trivy, stranger},
		{"trivy/image-findings.json", evidence.Trivy, layer}, // a layer is not the image
		{"trivy/repository-clean.json", evidence.Trivy, elsehead},
		{"sarif/packs.json", evidence.SARIF, elsehead},
		{"cyclonedx/vulnerable-1.6.json", evidence.CycloneDX, stranger},
		{"cyclonedx/clean-1.4.json", evidence.CycloneDX, elsehead},
		{"cyclonedx/clean-1.4.json", evidence.CycloneDX, "sha256:" + strings.Repeat("5", 64)}, // the tool's own hash
	} {
		_, err := evidence.Parse(c.format, bytes.NewReader(fixture(t, c.file)), evidence.Options{Subject: c.subject})
		wantFault(t, err, "subject_mismatch")
	}
}

func TestEitherDigestOfAnImageConfirmsIt(t *testing.T) {
	t.Parallel()
	for _, file := range []struct {
		name   string
		format evidence.Format
	}{{"trivy/image-findings.json", evidence.Trivy}, {"cyclonedx/vulnerable-1.6.json", evidence.CycloneDX}} {
		for _, subject := range []string{image, config} {
			if got := parse(t, file.format, fixture(t, file.name), evidence.Options{Subject: subject}); !got.Confirmed {
				t.Errorf("%s does not confirm %s; it names %v", file.name, subject, got.Named)
			}
		}
	}
}

// A scan of the source says nothing for or against the image made from it.
func TestSubjectOfAnotherKindIsNeitherConfirmedNorContradicted(t *testing.T) {
	t.Parallel()
	got := parse(t, evidence.SARIF, fixture(t, "sarif/packs.json"), evidence.Options{Subject: image})
	if got.Confirmed || len(got.Named) != 1 || got.Named[0] != commit {
		t.Errorf("confirmed %v, named %v", got.Confirmed, got.Named)
	}
}

func TestCommitsMayBeWrittenInThreeWays(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"gitCommit:", "git:", "sha1:"} {
		got := parse(t, evidence.SARIF, fixture(t, "sarif/packs.json"), evidence.Options{Subject: prefix + strings.Repeat("4", 40)})
		if !got.Confirmed {
			t.Errorf("%s… is not confirmed", prefix)
		}
	}
}

// A scanner that never ran must not pass.
func TestSilenceFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		format evidence.Format
		body   string
		reason string
	}{
		{"no suites", evidence.JUnit, `<testsuites/>`, "No tests ran."},
		{"empty suite", evidence.JUnit, `<testsuite name="a" tests="12"/>`, "No tests ran."},
		{"all skipped", evidence.JUnit, `<testsuite><testcase name="a"><skipped/></testcase></testsuite>`, "No tests ran: all were skipped."},
		{"gtest notrun", evidence.JUnit, `<testsuite><testcase name="a" status="notrun"/></testsuite>`, "No tests ran: all were skipped."},
		{"claimed failures", evidence.JUnit, `<testsuite failures="2"><testcase name="a"/></testsuite>`, "The file counts failures that it does not list."},
		{"claimed errors above", evidence.JUnit, `<testsuites errors="1"><testsuite><testcase name="a"/></testsuite></testsuites>`, "The file counts failures that it does not list."},
		{"suite broke", evidence.JUnit, `<testsuite name="s"><error message="no database"/></testsuite>`, "0 of 1 test failed and 1 broke."},
		{"odd case", evidence.JUnit, `<testsuite><testcase name="a"><Failure/></testcase></testsuite>`, "1 of 1 test failed and 0 broke."},
		{"failed by attribute", evidence.JUnit, `<testsuite><testcase name="a" status="failed"/></testsuite>`, "1 of 1 test failed and 0 broke."},
		{"failed and skipped", evidence.JUnit, `<testsuite><testcase name="a"><skipped/><failure/></testcase></testsuite>`, "1 of 1 test failed and 0 broke."},

		{"no runs", evidence.SARIF, `{"version":"2.1.0","runs":[]}`, "The scanner never ran: the file has no runs."},
		{"runs absent", evidence.SARIF, `{"version":"2.1.0"}`, "The scanner never ran: the file has no runs."},
		{"runs null", evidence.SARIF, `{"version":"2.1.0","runs":null}`, "The scanner never ran: the file has no runs."},
		{"no results", evidence.SARIF, `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}}}]}`, "The scanner never ran: a run has no list of results."},
		{"results null", evidence.SARIF, `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":null}]}`, "The scanner never ran: a run has no list of results."},
		{"one run of two", evidence.SARIF, `{"version":"2.1.0","runs":[{"results":[]},{}]}`, "The scanner never ran: a run has no list of results."},
		{"unsuccessful", evidence.SARIF, `{"version":"2.1.0","runs":[{"invocations":[{"executionSuccessful":false}],"results":[]}]}`, "The scanner reports that it did not run to a good end."},
		{"success unsaid", evidence.SARIF, `{"version":"2.1.0","runs":[{"invocations":[{}],"results":[]}]}`, "The scanner reports that it did not run to a good end."},
		{"success as text", evidence.SARIF, `{"version":"2.1.0","runs":[{"invocations":[{"executionSuccessful":"true"}],"results":[]}]}`, "The scanner reports that it did not run to a good end."},
		{"tool errors", evidence.SARIF, `{"version":"2.1.0","runs":[{"invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"error"}]}],"results":[]}]}`, "The scanner reports that it did not run to a good end."},

		{"results absent", evidence.Trivy, `{"SchemaVersion":2}`, "The scanner looked at nothing: the report has no results."},
		{"results empty", evidence.Trivy, `{"SchemaVersion":2,"Results":[]}`, "The scanner looked at nothing: the report has no results."},
		{"results null", evidence.Trivy, `{"SchemaVersion":2,"Results":null}`, "The scanner looked at nothing: the report has no results."},

		{"no components", evidence.CycloneDX, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}`, "The bill of materials lists no component."},
		{"components absent", evidence.CycloneDX, `{"bomFormat":"CycloneDX","specVersion":"1.6"}`, "The bill of materials lists no component."},
		{"unrated", evidence.CycloneDX, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}],"vulnerabilities":[{"id":"a"}]}`,
			"1 finding of severity high or above, 1 of unknown severity counted as high."},
		{"empty", evidence.Attached, ``, "The attached file is empty."},
	} {
		t.Run(string(c.format)+" "+c.name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, c.format, []byte(c.body), evidence.Options{})
			if got.Status != evidence.Fail || got.Reason != c.reason {
				t.Errorf("got %s, %q; want fail, %q", got.Status, got.Reason, c.reason)
			}
		})
	}
}

// Only an asker who says so gets an empty scan through.
func TestAnEmptyScanPassesOnlyByExplicitLeave(t *testing.T) {
	t.Parallel()
	got := parse(t, evidence.Trivy, fixture(t, "trivy/nothing-scanned.json"), evidence.Options{AllowEmpty: true})
	if got.Status != evidence.Pass {
		t.Errorf("got %s, %s", got.Status, got.Reason)
	}
	got = parse(t, evidence.SARIF, []byte(`{"version":"2.1.0","runs":[]}`), evidence.Options{AllowEmpty: true})
	if got.Status != evidence.Fail {
		t.Error("the leave for an empty Trivy report let an empty SARIF file pass")
	}
}

func TestSARIFLevels(t *testing.T) {
	t.Parallel()
	const rules = `"tool":{"driver":{"name":"x","rules":[
		{"id":"N","defaultConfiguration":{"level":"note"}},
		{"id":"C","defaultConfiguration":{"level":"note"},"properties":{"security-severity":"9.3"}},
		{"id":"Z","properties":{"security-severity":"0.0"}},
		{"id":"B","properties":{"security-severity":"eleven"}}]}}`
	for _, c := range []struct {
		result string
		want   evidence.Counts
	}{
		{`{"ruleId":"?"}`, evidence.Counts{Medium: 1}},
		{`{"level":"error"}`, evidence.Counts{High: 1}},
		{`{"level":"none"}`, evidence.Counts{Info: 1}},
		{`{"ruleId":"N"}`, evidence.Counts{Low: 1}},
		{`{"ruleId":"N/part"}`, evidence.Counts{Low: 1}},
		{`{"ruleIndex":0}`, evidence.Counts{Low: 1}},
		{`{"ruleId":"N","level":"error"}`, evidence.Counts{High: 1}},
		{`{"ruleId":"C"}`, evidence.Counts{Critical: 1}},
		{`{"ruleIndex":1}`, evidence.Counts{Critical: 1}},
		{`{"ruleId":"Z"}`, evidence.Counts{Medium: 1}},
		{`{"ruleId":"B"}`, evidence.Counts{High: 1, Unknown: 1}},
		{`{"ruleId":"N","properties":{"security-severity":7.5}}`, evidence.Counts{High: 1}},
		{`{"ruleId":"N","properties":{"security-severity":"NaN"}}`, evidence.Counts{High: 1, Unknown: 1}},
		{`{"kind":"review"}`, evidence.Counts{High: 1, Unknown: 1}},
		{`{"kind":"open","level":"none"}`, evidence.Counts{High: 1, Unknown: 1}},
		{`{"kind":"informational"}`, evidence.Counts{Info: 1}},
		{`{"kind":"notApplicable"}`, evidence.Counts{Passed: 1}},
		{`{"level":"error","suppressions":[]}`, evidence.Counts{High: 1}},
		{`{"level":"error","suppressions":[{"kind":"external","status":"accepted"}]}`, evidence.Counts{Suppressed: 1}},
		{`{"level":"error","suppressions":[{"status":"accepted"},{"status":"underReview"}]}`, evidence.Counts{High: 1}},
	} {
		// Results before the rules and after them must weigh the same.
		for _, body := range []string{
			`{"version":"2.1.0","runs":[{"results":[` + c.result + `],` + rules + `}]}`,
			`{"version":"2.1.0","runs":[{` + rules + `,"results":[` + c.result + `]}]}`,
		} {
			if got := parse(t, evidence.SARIF, []byte(body), evidence.Options{}); got.Counts != c.want {
				t.Errorf("%s: %+v, want %+v", c.result, got.Counts, c.want)
			}
		}
	}
}

func TestSARIFOverrideOfARuleCounts(t *testing.T) {
	t.Parallel()
	for _, where := range []string{`{"id":"N"}`, `{"index":0}`} {
		body := `{"version":"2.1.0","runs":[{"invocations":[{"executionSuccessful":true,"ruleConfigurationOverrides":[
			{"descriptor":` + where + `,"configuration":{"level":"error"}}]}],
			"tool":{"driver":{"name":"x","rules":[{"id":"N","defaultConfiguration":{"level":"note"}}]}},
			"results":[{"ruleId":"N","ruleIndex":0}]}]}`
		if got := parse(t, evidence.SARIF, []byte(body), evidence.Options{}); got.Counts.High != 1 {
			t.Errorf("override by %s: %+v, want one high", where, got.Counts)
		}
	}
}

func TestPackageScannersInSARIFAreSecurityScans(t *testing.T) {
	t.Parallel()
	for tools, want := range map[string]evidence.CheckKind{
		"Trivy": evidence.SecurityScan, "Grype": evidence.SecurityScan, "gosec": evidence.StaticAnalysis,
		"": evidence.StaticAnalysis, "Trivy,gosec": evidence.StaticAnalysis,
	} {
		var runs []string
		for _, tool := range strings.Split(tools, ",") {
			runs = append(runs, `{"tool":{"driver":{"name":"`+tool+`"}},"results":[]}`)
		}
		got := parse(t, evidence.SARIF, []byte(`{"version":"2.1.0","runs":[`+strings.Join(runs, ",")+`]}`), evidence.Options{})
		if got.Kind != want {
			t.Errorf("%q is %s, want %s", tools, got.Kind, want)
		}
	}
}

func TestTrivySARIFNamesItsImage(t *testing.T) {
	t.Parallel()
	body := []byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Trivy"}},"results":[],
		"properties":{"imageID":"` + config + `","imageName":"billing","repoDigests":["registry.example.test/billing@` + image + `"]}}]}`)
	if got := parse(t, evidence.SARIF, body, evidence.Options{}); !got.Confirmed {
		t.Errorf("names %v", got.Named)
	}
	_, err := evidence.Parse(evidence.SARIF, bytes.NewReader(body), evidence.Options{Subject: stranger})
	wantFault(t, err, "subject_mismatch")
}

func TestBrokenStreamIsNoVerdict(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, f := range evidence.Formats() {
		_, err := evidence.Parse(f, failing{broken}, evidence.Options{Subject: image})
		if !errors.Is(err, broken) || fault.Of(err).Kind != fault.Internal {
			t.Errorf("%s: got %v, want the stream's own error and no fault of the asker", f, err)
		}
	}
}

// failing is a stream that breaks after a plausible beginning.
type failing struct{ err error }

func (f failing) Read(p []byte) (int, error) { return copy(p, " "), f.err }
