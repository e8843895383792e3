package evidence_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode"

	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
)

// hostile is a file that must be refused with a fault, never read halfway.
type hostile struct {
	name   string
	format evidence.Format
	body   string
	code   string
}

var hostileFiles = []hostile{
	{"no format", "", `{}`, "unknown_format"},
	{"format of another name", "xunit", `{}`, "unknown_format"},

	{"doctype", evidence.JUnit, `<!DOCTYPE testsuite><testsuite/>`, "doctype"},
	{"doctype small", evidence.JUnit, `<!doctype testsuite><testsuite/>`, "doctype"},
	{"doctype late", evidence.JUnit, `<testsuite/><!DOCTYPE x>`, "doctype"},
	{"entity inside", evidence.JUnit, `<testsuite><!ENTITY a "b"></testsuite>`, "doctype"},
	{"external entity", evidence.JUnit, `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite name="&x;"/>`, "doctype"},
	{"billion laughs", evidence.JUnit, `<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><testsuite name="&b;"/>`, "doctype"},
	{"undefined entity", evidence.JUnit, `<testsuite name="&lol;"/>`, "bad_evidence"},
	{"latin 1", evidence.JUnit, `<?xml version="1.0" encoding="ISO-8859-1"?><testsuite/>`, "bad_charset"},
	{"utf-16 mark", evidence.JUnit, "\xFF\xFE<\x00t\x00", "bad_charset"},
	{"utf-16 mark json", evidence.SARIF, "\xFE\xFF\x00{", "bad_charset"},
	{"bad utf-8", evidence.JUnit, "<testsuite name=\"\xff\"/>", "bad_evidence"},
	{"control character", evidence.JUnit, "<testsuite name=\"\x00\"/>", "bad_evidence"},
	{"other root", evidence.JUnit, `<testng-results><testcase/></testng-results>`, "not_junit"},
	{"two roots", evidence.JUnit, `<testsuite/><testsuite/>`, "not_junit"},
	{"text after the root", evidence.JUnit, `<testsuite/>tail`, "bad_evidence"},
	{"unclosed", evidence.JUnit, `<testsuite><testcase name="a"/>`, "bad_evidence"},
	{"misnested", evidence.JUnit, `<testsuite><testcase></testsuite></testcase>`, "bad_evidence"},
	{"test in test", evidence.JUnit, `<testsuite><testcase><testcase/></testcase></testsuite>`, "not_junit"},
	{"suite in test", evidence.JUnit, `<testsuite><testcase><testsuite/></testcase></testsuite>`, "not_junit"},
	{"attribute twice", evidence.JUnit, `<testsuite failures="1" failures="0"/>`, "duplicate_attribute"},
	{"count in words", evidence.JUnit, `<testsuite failures="none"/>`, "bad_count"},
	{"negative count", evidence.JUnit, `<testsuite failures="-1" errors="1"/>`, "bad_count"},
	{"empty file", evidence.JUnit, ``, "bad_evidence"},
	{"blank file", evidence.JUnit, " \n", "bad_evidence"},
	{"json as junit", evidence.JUnit, `{"a":1}`, "bad_evidence"},

	{"empty file", evidence.SARIF, ``, "bad_evidence"},
	{"xml as sarif", evidence.SARIF, `<testsuite/>`, "bad_evidence"},
	{"array", evidence.SARIF, `[]`, "bad_evidence"},
	{"null", evidence.SARIF, `null`, "unknown_version"},
	{"sarif 2.0", evidence.SARIF, `{"version":"2.0.0","runs":[]}`, "unknown_version"},
	{"version as number", evidence.SARIF, `{"version":2.1,"runs":[]}`, "unknown_version"},
	{"runs as object", evidence.SARIF, `{"version":"2.1.0","runs":{}}`, "bad_evidence"},
	{"results as text", evidence.SARIF, `{"version":"2.1.0","runs":[{"results":"none"}]}`, "bad_evidence"},
	{"two documents", evidence.SARIF, `{"version":"2.1.0","runs":[]} {"version":"2.1.0"}`, "bad_evidence"},
	{"duplicate", evidence.SARIF, `{"version":"2.1.0","runs":[{"results":[{"level":"error"}],"results":[]}]}`, "duplicate_member"},
	{"duplicate in what is skipped", evidence.SARIF, `{"version":"2.1.0","x":{"a":1,"a":2},"runs":[]}`, "duplicate_member"},
	{"duplicate by escape", evidence.SARIF, `{"version":"2.1.0","runs":[],"\u0072uns":[]}`, "duplicate_member"},
	{"shadowed by case", evidence.SARIF, `{"version":"2.1.0","runs":[{"results":[],"Results":[{"level":"error"}]}]}`, "duplicate_member"},
	{"bad utf-8", evidence.SARIF, "{\"version\":\"2.1.0\",\"x\":\"\xff\"}", "bad_evidence"},
	{"lone surrogate", evidence.SARIF, `{"version":"2.1.0","x":"\ud800"}`, "bad_evidence"},

	{"trivy 1", evidence.Trivy, `[{"Target":"x","Vulnerabilities":null}]`, "bad_evidence"},
	{"trivy 3", evidence.Trivy, `{"SchemaVersion":3,"Results":[{}]}`, "unknown_version"},
	{"no version", evidence.Trivy, `{"Results":[{}]}`, "unknown_version"},
	{"severity twice", evidence.Trivy, `{"SchemaVersion":2,"Results":[{"Vulnerabilities":[{"Severity":"HIGH","severity":"LOW"}]}]}`, "duplicate_member"},
	{"findings as object", evidence.Trivy, `{"SchemaVersion":2,"Results":[{"Vulnerabilities":{}}]}`, "bad_evidence"},

	{"not cyclonedx", evidence.CycloneDX, `{"specVersion":"1.6"}`, "not_cyclonedx"},
	{"cyclonedx 1.3", evidence.CycloneDX, `{"bomFormat":"CycloneDX","specVersion":"1.3"}`, "unknown_version"},
	{"cyclonedx 2", evidence.CycloneDX, `{"bomFormat":"CycloneDX","specVersion":"2.0"}`, "unknown_version"},
	{"xml", evidence.CycloneDX, `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>`, "bad_evidence"},
	{"tools as text", evidence.CycloneDX, `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"tools":"x"}}`, "bad_evidence"},

	{"gzip", evidence.JUnit, "\x1f\x8b\x08\x00rest", "compressed_evidence"},
	{"zip", evidence.SARIF, "PK\x03\x04rest", "compressed_evidence"},
	{"zstd", evidence.Trivy, "\x28\xb5\x2f\xfdrest", "compressed_evidence"},
	{"xz", evidence.CycloneDX, "\xfd7zXZ\x00rest", "compressed_evidence"},
}

// largeFiles are the hostile files that are made rather than written.
func largeFiles() []hostile {
	deepJSON := func(n int) string { return strings.Repeat(`{"x":`, n) + "1" + strings.Repeat("}", n) }
	deepXML := func(n int) string { return strings.Repeat(`<testsuite>`, n) + strings.Repeat(`</testsuite>`, n) }
	var members, attributes strings.Builder
	for i := range 100_002 {
		fmt.Fprintf(&members, `"%x":0,`, i)
	}
	for i := range 65 {
		fmt.Fprintf(&attributes, ` a%d=""`, i)
	}
	return []hostile{
		{"deep xml", evidence.JUnit, deepXML(65), "too_deep"},
		{"many attributes", evidence.JUnit, `<testsuite` + attributes.String() + `/>`, "too_wide"},
		{"long tag", evidence.JUnit, `<testsuite name="` + strings.Repeat("a", 1<<20) + `"/>`, "too_wide"},
		{"deep json", evidence.SARIF, deepJSON(65), "too_deep"},
		{"very deep json", evidence.SARIF, deepJSON(200_000), "too_deep"},
		{"deep arrays", evidence.Trivy, `{"x":` + strings.Repeat("[", 65), "too_deep"},
		{"wide object", evidence.Trivy, `{` + members.String() + `"SchemaVersion":2}`, "too_wide"},
		{"long text", evidence.Trivy, `{"x":"` + strings.Repeat("a", 16<<20) + `"}`, "too_wide"},
	}
}

func TestHostileInputIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range append(largeFiles(), hostileFiles...) {
		t.Run(string(c.format)+" "+c.name, func(t *testing.T) {
			t.Parallel()
			res, err := evidence.Parse(c.format, strings.NewReader(c.body), evidence.Options{Subject: image})
			if res != nil {
				t.Errorf("a refused file has a result: %+v", res)
			}
			wantFault(t, err, c.code)
		})
	}
}

func TestWhatIsAllowedAtTheEdge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		format evidence.Format
		body   string
	}{
		{"64 levels of xml", evidence.JUnit, strings.Repeat(`<testsuite>`, 63) + `<testcase/>` + strings.Repeat(`</testsuite>`, 63)},
		{"byte order mark", evidence.JUnit, "\uFEFF<testsuite><testcase/></testsuite>"},
		{"byte order mark json", evidence.Trivy, "\uFEFF" + `{"SchemaVersion":2,"Results":[{}]}`},
		{"comment, instruction, data", evidence.JUnit, `<?xml version="1.0" encoding="UTF-8"?><?xml-stylesheet href="a"?><!-- <!DOCTYPE x> --><testsuite><testcase><system-out><![CDATA[<!DOCTYPE y> ]] > <!ENTITY]]]></system-out></testcase></testsuite>`},
		{"bracket in attribute", evidence.JUnit, `<testsuite name="a > b" id='"'><testcase/></testsuite>`},
		{"64 levels of json", evidence.Trivy, `{"SchemaVersion":2,"Results":[{}],"x":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`},
		{"brackets in a text", evidence.Trivy, `{"SchemaVersion":2,"Results":[{}],"x":"` + strings.Repeat(`[{\"\\`, 100) + `"}`},
		{"unknown members", evidence.Trivy, `{"SchemaVersion":2,"Results":[{"new":1,"New":2}],"other":{"a":null}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, c.format, []byte(c.body), evidence.Options{}); got.Status != evidence.Pass {
				t.Errorf("got %s, %s", got.Status, got.Reason)
			}
		})
	}
}

// endless yields the same bytes for ever.
type endless struct {
	part string
	off  int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.part[e.off]
		e.off = (e.off + 1) % len(e.part)
	}
	return len(p), nil
}

func TestEndlessInputStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format     evidence.Format
		head, part string
	}{
		{evidence.JUnit, "<testsuite>", "<testcase/>"},
		{evidence.JUnit, "<testsuite>", "words "},
		{evidence.SARIF, `{"version":"2.1.0","runs":[{"results":[`, `{"level":"note"},`},
		{evidence.Trivy, `{"SchemaVersion":2,"Results":[`, `{"Target":"a"},`},
		{evidence.CycloneDX, `{"components":[`, `{"name":"a"},`},
		{evidence.Attached, "", "words "},
	} {
		body := io.MultiReader(strings.NewReader(c.head), &endless{part: c.part})
		_, err := evidence.Parse(c.format, body, evidence.Options{Subject: image, MaxBytes: 1 << 20})
		wantFault(t, err, "evidence_too_large")
	}
}

func TestTheLimitIsHundredMebibytesWhateverIsAsked(t *testing.T) {
	t.Parallel()
	_, err := evidence.Parse(evidence.Attached, &endless{part: strings.Repeat("x", 4096)}, evidence.Options{Subject: image, MaxBytes: 1 << 40})
	wantFault(t, err, "evidence_too_large")
	got, err := evidence.Parse(evidence.Attached, io.LimitReader(&endless{part: "x"}, 1<<20), evidence.Options{Subject: image, MaxBytes: 1 << 20})
	if err != nil || got.Size != 1<<20 {
		t.Errorf("a file of exactly the limit: %v, %v", got, err)
	}
}

func TestMillionsOfEntriesAreRefused(t *testing.T) {
	t.Parallel()
	body := io.MultiReader(strings.NewReader(`{"SchemaVersion":2,"Results":[`), &endless{part: `{},`})
	_, err := evidence.Parse(evidence.Trivy, body, evidence.Options{Subject: image})
	wantFault(t, err, "too_many_entries")
}

// A long list of findings may cost time, but no memory. Not parallel: it reads the memory statistics.
func TestMemoryDoesNotGrowWithTheFindings(t *testing.T) {
	const many = 200_000
	body := io.MultiReader(strings.NewReader(`{"SchemaVersion":2,"Results":[{"Vulnerabilities":[`),
		io.LimitReader(&endless{part: `{"VulnerabilityID":"CVE-2026-0000","Severity":"LOW","Title":"a made-up flaw with a title of some length"},`}, many*106),
		strings.NewReader(`{}]}]}`))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	res, err := evidence.Parse(evidence.Trivy, body, evidence.Options{Subject: image})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if res.Counts.Low != many || len(res.Findings) != evidence.DefaultFindings || res.Truncated != many+1-evidence.DefaultFindings {
		t.Errorf("low %d, listed %d, truncated %d", res.Counts.Low, len(res.Findings), res.Truncated)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the result keeps %d bytes of a file of %d", grown, res.Size)
	}
}

func TestFindingsAreSafeToShow(t *testing.T) {
	t.Parallel()
	texts := []struct{ in, want string }{
		{"plain words, accents: é ü 変更", "plain words, accents: é ü 変更"},
		{`\u202egnp.exe`, `\u202egnp.exe`},
		{`a\u2066b\u2069c\u200bd\u200fe\u061cf`, `a\u2066b\u2069c\u200bd\u200fe\u061cf`},
		{`\u001b[2J\u0007`, `\u001b[2J\u0007`},
		{`first\nsecond\ttab`, `first\nsecond tab`},
		{`w\u2028x\u0085y\ufeffz\udb40\udc41`, `w\u2028x\u0085y\ufeffz\ue0041`},
		{strings.Repeat("é", 1000), strings.Repeat("é", 148) + "…"},
		{"token=hunter2hunter2 and go", "token=*** and go"},
	}
	for _, h := range texts {
		body := `{"SchemaVersion":2,"Results":[{"Target":"` + h.in + `","Vulnerabilities":[
			{"VulnerabilityID":"` + h.in + `","Title":"` + h.in + `","PkgName":"p","Severity":"LOW"}]}]}`
		f := parse(t, evidence.Trivy, []byte(body), evidence.Options{}).Findings[0]
		if f.Title != h.want || f.ID != h.want {
			t.Errorf("got title %q, id %q, want %q", f.Title, f.ID, h.want)
		}
		for _, text := range []string{f.Title, f.ID, f.Location} {
			if len(text) > 300 {
				t.Errorf("a text of %d bytes", len(text))
			}
			for _, r := range text {
				if !unicode.IsPrint(r) {
					t.Errorf("%q holds the invisible %U", text, r)
				}
			}
		}
	}
}

func TestToolNamesAreCleanedToo(t *testing.T) {
	t.Parallel()
	body := []byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"a\u202eb","version":"ghp_abcdefghijklmnopqrstuvwxyz0123456789"}},"results":[]}]}`)
	if got := parse(t, evidence.SARIF, body, evidence.Options{}).Tool; got.Name != `a\u202eb` || got.Version != "***" {
		t.Errorf("got %+v", got)
	}
}

func TestDetectAsksWhenItCannotTell(t *testing.T) {
	t.Parallel()
	both := `{"version":"2.1.0","runs":[],"bomFormat":"CycloneDX","specVersion":"1.6"}`
	for body, code := range map[string]string{
		"":                                "format_unclear",
		"plain words":                     "format_unclear",
		"{}":                              "format_unclear",
		"[]":                              "format_unclear",
		`{"version":"2.1.0"}`:             "format_unclear",
		`{"SchemaVersion":2}`:             "format_unclear",
		`<html/>`:                         "format_unclear",
		both:                              "format_unclear",
		`{"runs":[`:                       "bad_evidence",
		`{"runs":[],"runs":[]}`:           "bad_evidence",
		`<!DOCTYPE html><testsuite/>`:     "doctype",
		`<testsuite`:                      "bad_evidence",
		"\x1f\x8b\x08":                    "compressed_evidence",
		strings.Repeat(`{"a":`, 70) + "1": "too_deep",
	} {
		f, err := evidence.Detect(strings.NewReader(body))
		if f != "" {
			t.Errorf("%q was taken for %s", body, f)
		}
		wantFault(t, err, code)
	}
	_, err := evidence.Detect(strings.NewReader(both))
	if next := fault.Of(err).Next; next != "name the format: one of sarif, cyclonedx" {
		t.Errorf("an ambiguous file offers %q", next)
	}
}

func TestDetectReadsWhatComesLate(t *testing.T) {
	t.Parallel()
	body := []byte(`{"x":"` + strings.Repeat("a", 1<<20) + `","bomFormat":"CycloneDX"}`)
	if f, err := evidence.Detect(bytes.NewReader(body)); f != evidence.CycloneDX || err != nil {
		t.Errorf("got %q, %v", f, err)
	}
}
