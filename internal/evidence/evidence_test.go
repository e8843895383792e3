package evidence_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// The subjects that the fixtures are about.
const (
	image    = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	config   = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	layer    = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
	commit   = "gitCommit:4444444444444444444444444444444444444444"
	archive  = "sha256:6666666666666666666666666666666666666666666666666666666666666666"
	stranger = "sha256:9999999999999999999999999999999999999999999999999999999999999999"
	elsehead = "gitCommit:9999999999999999999999999999999999999999"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, f evidence.Format, body []byte, o evidence.Options) *evidence.Result {
	t.Helper()
	if o.Subject == "" {
		o.Subject = image
	}
	res, err := evidence.Parse(f, bytes.NewReader(body), o)
	if err != nil {
		t.Fatalf("Parse: %v (%v)", err, fault.Of(err).Unwrap())
	}
	return res
}

// wantFault checks the code of a refusal, and that it is the asker's to mend.
func wantFault(t testing.TB, err error, code string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("got error %v, want the fault %s", err, code)
	}
	if k := fault.Of(err).Kind; k != fault.Invalid && k != fault.TooLarge {
		t.Errorf("fault %s is of kind %v, want invalid or too_large", code, k)
	}
}

// realFiles are the fixtures of testdata/README.md with what must be read in them.
var realFiles = []struct {
	file, subject string
	format        evidence.Format
	kind          evidence.CheckKind
	tool          evidence.Tool
	status        evidence.Status
	reason        string
	counts        evidence.Counts
	confirmed     bool
}{
	{"junit/go-pass.xml", image, evidence.JUnit, evidence.Tests, evidence.Tool{Name: "go test", Version: "go1.26.8"},
		evidence.Pass, "3 tests passed, 1 skipped.", evidence.Counts{Passed: 3, Skipped: 1}, false},
	{"junit/go-fail.xml", image, evidence.JUnit, evidence.Tests, evidence.Tool{Name: "go test", Version: "go1.26.8"},
		evidence.Fail, "2 of 4 tests failed and 0 broke.", evidence.Counts{Passed: 2, Failed: 2, Skipped: 1}, false},
	{"junit/pytest-pass.xml", image, evidence.JUnit, evidence.Tests, evidence.Tool{Name: "pytest"},
		evidence.Pass, "1 test passed, 2 skipped.", evidence.Counts{Passed: 1, Skipped: 2}, false},
	{"junit/pytest-fail.xml", image, evidence.JUnit, evidence.Tests, evidence.Tool{Name: "pytest"},
		evidence.Fail, "1 of 3 tests failed and 1 broke.", evidence.Counts{Passed: 1, Failed: 1, Errors: 1, Skipped: 2}, false},
	{"junit/pytest-none.xml", image, evidence.JUnit, evidence.Tests, evidence.Tool{Name: "pytest"},
		evidence.Fail, "No tests ran.", evidence.Counts{}, false},
	{"junit/surefire-fail.xml", image, evidence.JUnit, evidence.Tests, evidence.Tool{Name: "Maven Surefire"},
		evidence.Fail, "1 of 4 tests failed and 1 broke.", evidence.Counts{Passed: 2, Failed: 1, Errors: 1, Skipped: 1}, false},
	{"sarif/gosec-clean.json", image, evidence.SARIF, evidence.StaticAnalysis, evidence.Tool{Name: "gosec", Version: "dev"},
		evidence.Pass, "No finding of severity high or above.", evidence.Counts{}, false},
	{"sarif/gosec-findings.json", image, evidence.SARIF, evidence.StaticAnalysis, evidence.Tool{Name: "gosec", Version: "dev"},
		evidence.Fail, "4 findings of severity high or above; 1 below it.", evidence.Counts{High: 4, Medium: 1}, false},
	{"sarif/packs.json", commit, evidence.SARIF, evidence.StaticAnalysis, evidence.Tool{Name: "CodeQL", Version: "2.19.0"},
		evidence.Fail, "3 findings of severity high or above, 1 of unknown severity counted as high; 2 below it; 1 suppressed in the file.",
		evidence.Counts{Passed: 1, High: 3, Medium: 1, Low: 1, Unknown: 1, Suppressed: 1}, true},
	{"trivy/image-findings.json", image, evidence.Trivy, evidence.SecurityScan, evidence.Tool{Name: "Trivy", Version: "0.66.0"},
		evidence.Fail, "3 findings of severity high or above, 1 of unknown severity counted as high; 2 below it; 1 suppressed in the file.",
		evidence.Counts{Passed: 22, Critical: 2, High: 1, Medium: 1, Low: 1, Unknown: 1, Suppressed: 1}, true},
	{"trivy/repository-clean.json", commit, evidence.Trivy, evidence.SecurityScan, evidence.Tool{Name: "Trivy"},
		evidence.Pass, "No finding of severity high or above.", evidence.Counts{}, true},
	{"trivy/nothing-scanned.json", commit, evidence.Trivy, evidence.SecurityScan, evidence.Tool{Name: "Trivy"},
		evidence.Fail, "The scanner looked at nothing: the report has no results.", evidence.Counts{}, false},
	{"cyclonedx/npm.json", image, evidence.CycloneDX, evidence.SBOM, evidence.Tool{Name: "cli", Version: "11.19.1"},
		evidence.Pass, "1 component listed. No finding of severity high or above.", evidence.Counts{Components: 1}, false},
	{"cyclonedx/clean-1.4.json", archive, evidence.CycloneDX, evidence.SBOM, evidence.Tool{Name: "bom-writer", Version: "1.9.0"},
		evidence.Pass, "1 component listed. No finding of severity high or above.", evidence.Counts{Components: 1}, true},
	{"cyclonedx/vulnerable-1.6.json", image, evidence.CycloneDX, evidence.SBOM, evidence.Tool{Name: "bom-writer", Version: "2.1.0"},
		evidence.Fail, "2 findings of severity high or above, 1 of unknown severity counted as high; 1 below it; 1 suppressed in the file.",
		evidence.Counts{Critical: 1, High: 1, Low: 1, Unknown: 1, Suppressed: 1, Components: 3}, true},
}

func TestRealFilesAreJudged(t *testing.T) {
	t.Parallel()
	for _, c := range realFiles {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			body := fixture(t, c.file)
			got := parse(t, c.format, body, evidence.Options{Subject: c.subject})
			type view struct {
				Kind      evidence.CheckKind
				Tool      evidence.Tool
				Status    evidence.Status
				Reason    string
				Counts    evidence.Counts
				Confirmed bool
				Digest    string
				Size      int64
			}
			if d := cmp.Diff(view{c.kind, c.tool, c.status, c.reason, c.counts, c.confirmed, seal.Raw(body), int64(len(body))},
				view{got.Kind, got.Tool, got.Status, got.Reason, got.Counts, got.Confirmed, got.Digest, got.Size}); d != "" {
				t.Errorf("result (-want +got):\n%s", d)
			}
			if f, err := evidence.Detect(bytes.NewReader(body)); f != c.format || err != nil {
				t.Errorf("Detect = %q, %v, want %q", f, err, c.format)
			}
		})
	}
}

func TestFindingsSayWhatAndWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file   string
		format evidence.Format
		want   []evidence.Finding
	}{
		{"trivy/image-findings.json", evidence.Trivy, []evidence.Finding{
			{ID: "CVE-2026-1001", Severity: "critical", Title: "openssl: made-up flaw", Location: "billing (debian 12.7) libssl3@3.0.14-1"},
			{ID: "aws-access-key-id", Severity: "critical", Title: "AWS Access Key ID", Location: "app/settings.py:7"},
			{ID: "CVE-2026-1002", Severity: "high", Location: "billing (debian 12.7) zlib1g@1.2.13"},
			{ID: "DS002", Severity: "medium", Title: "Image user should not be root", Location: "Dockerfile:3"},
			{ID: "CVE-2026-1003", Severity: "low", Title: "bash: made-up flaw", Location: "billing (debian 12.7) bash@5.2"},
		}},
		{"cyclonedx/vulnerable-1.6.json", evidence.CycloneDX, []evidence.Finding{
			{ID: "CVE-2026-2001", Severity: "critical", Title: "a: made-up flaw", Location: "a"},
			{ID: "CVE-2026-2003", Severity: "high", Location: "c"},
			{ID: "CVE-2026-2004", Severity: "low", Location: "c"},
		}},
		{"sarif/packs.json", evidence.SARIF, []evidence.Finding{
			{ID: "go/sql-injection", Severity: "high", Title: "This query depends on a user-provided value.", Location: "db/query.go:41"},
			{ID: "go/sql-injection", Severity: "high", Title: "Answer was rejected."},
			{ID: "go/odd", Severity: "high", Title: "A level nobody knows."},
			{ID: "go/unweighed", Severity: "medium", Title: "No level anywhere."},
			{ID: "go/long-line", Severity: "low", Title: "Line is long."},
		}},
		{"junit/surefire-fail.xml", evidence.JUnit, []evidence.Finding{
			{ID: "acme.InvoiceTest.roundsHalfUp", Severity: "high", Title: "rounds half up expected:<3> but was:<2>"},
			{ID: "acme.InvoiceTest.readsLedger", Severity: "high", Title: "java.lang.IllegalStateException"},
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			subject := image
			if c.format == evidence.SARIF {
				subject = commit
			}
			got := parse(t, c.format, fixture(t, c.file), evidence.Options{Subject: subject})
			if d := cmp.Diff(c.want, got.Findings); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
			if got.Truncated != 0 {
				t.Errorf("truncated = %d, want 0", got.Truncated)
			}
		})
	}
}

func TestTheGravestFindingsAreListedAndTheRestCounted(t *testing.T) {
	t.Parallel()
	body := fixture(t, "trivy/image-findings.json")
	got := parse(t, evidence.Trivy, body, evidence.Options{MaxFindings: 2})
	if len(got.Findings) != 2 || got.Truncated != 3 || got.Counts.Low != 1 {
		t.Errorf("listed %d, truncated %d, low %d; want 2, 3, 1", len(got.Findings), got.Truncated, got.Counts.Low)
	}
	for _, f := range got.Findings {
		if f.Severity != evidence.Critical {
			t.Errorf("listed a %s finding before a critical one", f.Severity)
		}
	}
}

func TestThresholdIsAParameter(t *testing.T) {
	t.Parallel()
	body := []byte(`{"SchemaVersion":2,"Results":[{"Target":"x","Vulnerabilities":[{"VulnerabilityID":"A","Severity":"MEDIUM"}]}]}`)
	for on, want := range map[evidence.Severity]evidence.Status{
		"": evidence.Pass, evidence.Critical: evidence.Pass, evidence.High: evidence.Pass,
		evidence.Medium: evidence.Fail, evidence.Low: evidence.Fail, evidence.Info: evidence.Fail,
	} {
		if got := parse(t, evidence.Trivy, body, evidence.Options{FailOn: on}); got.Status != want {
			t.Errorf("FailOn %q: %s, want %s", on, got.Status, want)
		}
	}
	_, err := evidence.Parse(evidence.Trivy, bytes.NewReader(body), evidence.Options{Subject: image, FailOn: "severe"})
	wantFault(t, err, "unknown_severity")
}

func TestUnknownSeverityCountsAsHigh(t *testing.T) {
	t.Parallel()
	for _, s := range []string{`"UNKNOWN"`, `""`, `"banana"`, `null`, `7`, `["LOW"]`, `{}`} {
		body := []byte(`{"SchemaVersion":2,"Results":[{"Target":"x","Vulnerabilities":[{"VulnerabilityID":"A","Severity":` + s + `}]}]}`)
		got := parse(t, evidence.Trivy, body, evidence.Options{})
		if got.Status != evidence.Fail || got.Counts.High != 1 || got.Counts.Unknown != 1 {
			t.Errorf("severity %s: %s, %d high, %d unknown; want fail, 1, 1", s, got.Status, got.Counts.High, got.Counts.Unknown)
		}
	}
}

func TestTimesAreTakenFromTheFile(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][2]string{
		"sarif/packs.json":              {"2026-11-20T09:00:00Z", "2026-11-20T09:01:30Z"},
		"trivy/repository-clean.json":   {"2026-11-20T09:14:03Z", "2026-11-20T09:14:03Z"},
		"cyclonedx/vulnerable-1.6.json": {"2026-11-20T08:20:00Z", "2026-11-20T08:20:00Z"},
		"junit/pytest-pass.xml":         {"2026-11-23T01:40:35.04984Z", "2026-11-23T01:40:35.07084Z"},
		"sarif/gosec-clean.json":        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
	} {
		body := fixture(t, file)
		f, err := evidence.Detect(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		subject := commit
		if f == evidence.CycloneDX {
			subject = image
		}
		got := parse(t, f, body, evidence.Options{Subject: subject})
		if s, e := got.Started.Format(time.RFC3339Nano), got.Finished.Format(time.RFC3339Nano); s != want[0] || e != want[1] {
			t.Errorf("%s: %s to %s, want %s to %s", file, s, e, want[0], want[1])
		}
	}
}

func TestAttachedFileIsKeptAndNotRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, media string
		status            evidence.Status
	}{
		{"text", "all 40 steps of the run-book done", "text/plain; charset=utf-8", evidence.Pass},
		{"archive", "PK\x03\x04rest", "application/zip", evidence.Pass},
		{"program", "\x7fELF\x02\x01", "application/octet-stream", evidence.Pass},
		{"empty", "", "text/plain; charset=utf-8", evidence.Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, evidence.Attached, []byte(c.body), evidence.Options{})
			if got.Status != c.status || got.MediaType != c.media || got.Digest != seal.Raw([]byte(c.body)) || got.Kind != evidence.AttachedFile {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestResultHasACanonicalForm(t *testing.T) {
	t.Parallel()
	for file, f := range map[string]evidence.Format{"junit/go-fail.xml": evidence.JUnit, "trivy/image-findings.json": evidence.Trivy} {
		body := fixture(t, file)
		a, err := seal.Canonical(parse(t, f, body, evidence.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		b, err := seal.Canonical(parse(t, f, body, evidence.Options{}))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: two readings differ (%v)", file, err)
		}
		var back evidence.Result
		if err := seal.Decode(a, &back); err != nil {
			t.Errorf("%s: the form does not read back: %v", file, err)
		}
	}
}

func TestNoCanaryReachesAResult(t *testing.T) {
	t.Parallel()
	b, err := seal.Canonical(parse(t, evidence.Trivy, fixture(t, "trivy/image-findings.json"), evidence.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "CANARY") {
		t.Errorf("the matched text of a secret is in the result: %s", b)
	}
}
