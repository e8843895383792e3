package evidence_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// seed gives every fixture of one format; the seeds of hostile shape are in testdata/fuzz.
func seed(f *testing.F, folder string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds in %s: %v", folder, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// holds states what must be true of any file whatever: it is refused by a fault of the asker, or
// gives a result that is the same each time, safe to show, and a pass only for a reason.
func holds(t *testing.T, format evidence.Format, body []byte) {
	t.Helper()
	o := evidence.Options{Subject: image, MaxFindings: 3}
	res, err := evidence.Parse(format, bytes.NewReader(body), o)
	if err != nil {
		if k := fault.Of(err).Kind; k != fault.Invalid && k != fault.TooLarge || res != nil {
			t.Fatalf("refused with %v of kind %v, result %v", err, k, res)
		}
		return
	}
	again, err := evidence.Parse(format, io.LimitReader(bytes.NewReader(body), int64(len(body))), o)
	if err != nil || !cmp.Equal(res, again) {
		t.Fatalf("two readings differ: %v\n%s", err, cmp.Diff(res, again))
	}
	if res.Digest != seal.Raw(body) || res.Size != int64(len(body)) || res.Subject != image {
		t.Fatalf("the result is about other bytes: %+v", res)
	}
	checkVerdict(t, res)
	for _, f := range res.Findings {
		checkText(t, f.ID, f.Title, f.Location)
	}
	checkText(t, res.Tool.Name, res.Tool.Version, res.Reason)
}

func checkVerdict(t *testing.T, res *evidence.Result) {
	t.Helper()
	c := res.Counts
	for _, n := range []int{c.Passed, c.Failed, c.Errors, c.Skipped, c.Critical, c.High, c.Medium, c.Low, c.Info, c.Unknown, c.Suppressed, c.Components, res.Truncated} {
		if n < 0 {
			t.Fatalf("a negative count: %+v", res)
		}
	}
	if res.Status != evidence.Pass && res.Status != evidence.Fail || res.Reason == "" || res.Kind == "" {
		t.Fatalf("no verdict: %+v", res)
	}
	if res.Status == evidence.Pass && (c.Failed+c.Errors+c.Critical+c.High+c.Unknown > 0) {
		t.Fatalf("passed in spite of %+v", c)
	}
	if res.Status == evidence.Pass && res.Format == evidence.JUnit && c.Passed == 0 {
		t.Fatal("passed without a test")
	}
	if len(res.Findings) > 3 || res.Truncated > 0 && len(res.Findings) < 3 {
		t.Fatalf("listed %d, truncated %d", len(res.Findings), res.Truncated)
	}
}

func checkText(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if len(s) > 300 || !utf8.ValidString(s) {
			t.Fatalf("text %q is too long or no UTF-8", s)
		}
		for _, r := range s {
			if !unicode.IsPrint(r) {
				t.Fatalf("text %q holds %U", s, r)
			}
		}
	}
}

func FuzzJUnit(f *testing.F) {
	seed(f, "junit")
	f.Fuzz(func(t *testing.T, body []byte) { holds(t, evidence.JUnit, body) })
}

func FuzzSARIF(f *testing.F) {
	seed(f, "sarif")
	f.Fuzz(func(t *testing.T, body []byte) { holds(t, evidence.SARIF, body) })
}

func FuzzTrivy(f *testing.F) {
	seed(f, "trivy")
	f.Fuzz(func(t *testing.T, body []byte) { holds(t, evidence.Trivy, body) })
}

func FuzzCycloneDX(f *testing.F) {
	seed(f, "cyclonedx")
	f.Fuzz(func(t *testing.T, body []byte) { holds(t, evidence.CycloneDX, body) })
}

func FuzzAttached(f *testing.F) {
	seed(f, "junit")
	f.Fuzz(func(t *testing.T, body []byte) { holds(t, evidence.Attached, body) })
}

// What Detect names, Parse takes for that format: it may find faults in it, but not another format.
func FuzzDetect(f *testing.F) {
	for _, folder := range []string{"junit", "sarif", "trivy", "cyclonedx"} {
		seed(f, folder)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		format, err := evidence.Detect(bytes.NewReader(body))
		if err != nil {
			if k := fault.Of(err).Kind; k != fault.Invalid && k != fault.TooLarge || format != "" {
				t.Fatalf("%q, %v of kind %v", format, err, k)
			}
			return
		}
		_, err = evidence.Parse(format, bytes.NewReader(body), evidence.Options{Subject: image})
		if fault.Is(err, "unknown_format") || fault.Is(err, "not_cyclonedx") {
			t.Fatalf("detected %s, which Parse denies: %v", format, err)
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add("password=hunter2hunter2 and postgres://a:b@c")
	f.Add(image)
	f.Fuzz(func(t *testing.T, s string) {
		if got := evidence.Mask(s + " AKIACANARYCANARYCANA"); len(s) < 1000 && bytes.Contains([]byte(got), []byte("AKIACANARY")) {
			t.Fatalf("a key survives in %q", got)
		}
	})
}
