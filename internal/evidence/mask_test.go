package evidence_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/evidence"
)

func TestMaskHidesWhatLooksLikeASecret(t *testing.T) {
	t.Parallel()
	const hidden = "canary"
	for _, in := range []string{
		"key AKIACANARYCANARYCANA found",
		"ghp_canary0123456789canary0123456789",
		"github_pat_11canary0123456789_canary0123456789",
		"glpat-canary-0123456789-x", "xoxb-canary-12345678", "npm_canary0123456789012345", "plb_pat_canary0123456789",
		"sk_live_canary0123456789", "AIzacanary01234567890123456789012345678",
		"eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOiJjYW5hcnkifQ.canarycanary",
		"postgres://app:canary@db.example.test/billing",
		"Authorization: Bearer canary.canary", "authorization=Basic canarycanary", "sent bearer canary0123",
		"password=canary", `"db_password": "canary"`, "DB_PASSWORD='canary'", "api-key: canary", "apiKey=canary&x=1",
		"client_secret = canary", "AWS_SECRET_ACCESS_KEY=canary/canary", "token: canary",
		"-----BEGIN RSA PRIVATE KEY-----\ncanary\ncanary\n-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\ncanary",
	} {
		got := evidence.Mask(in)
		if strings.Contains(strings.ToLower(got), hidden) || strings.Contains(got, "eyJj") || !strings.Contains(got, "***") {
			t.Errorf("Mask(%q) = %q", in, got)
		}
	}
	for _, in := range []string{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1", "d2hhdCBhIG5pY2UgZGF5IGl0IGlzMTIzNDU2Nzg5MEFCQw=="} {
		if got := evidence.Mask("found " + in + "."); strings.Contains(got, in[:20]) {
			t.Errorf("Mask(%q) = %q, want the random run hidden", in, got)
		}
	}
}

func TestMaskLeavesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		image, commit, strings.Repeat("0123456789abcdef", 4),
		"pkg:golang/github.com/go-json-experiment/json@v0.0.0-20261011100332-faecfb24eb49",
		"com.example.billing.InvoiceTotalsWithVeryLongDescriptiveNameTest",
		"src/main/java/com/example/billing/InvoiceController2Test.java:41",
		"TestMaskLeavesWhatIsNeeded/and_a_subtest_with_a_long_name_of_2026",
		"https://git.example.test/billing/pull/41", "CVE-2026-1001", "expected <3> but was <2>",
		"the secret service", "pass the token on",
	} {
		if got := evidence.Mask(in); got != in {
			t.Errorf("Mask(%q) = %q", in, got)
		}
	}
}
