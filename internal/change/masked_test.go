package change_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
)

// A failure message shows what the program had in its hands. It is masked before the report is kept, and the
// evidence says so; what it is about and what it says stay as they are.
func TestSecretsInEvidenceAreNotKept(t *testing.T) {
	t.Parallel()
	o := company(t)
	c, err := o.File(t.Context(), o.as("ann"), configChange(o))
	must(t, err)
	const secret = "AKIAIOSFODNN7EXAMPLE"
	report := strings.Replace(failing, `message="no"`, `message="no: password=of-the-shop-42 `+secret+`"`, 1)
	for subject, code := range map[string]string{seal.Raw([]byte(file)): "", seal.Raw([]byte("another")): "wrong_subject"} {
		r, err := o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: subject, Masked: 2}, strings.NewReader(report))
		if code != "" {
			refused(t, err, code)
			continue
		}
		must(t, err)
		if r.Status != "fail" || r.Subject != subject || !strings.Contains(r.Why, "3 places masked") || !strings.Contains(r.Result, `"masked":3`) {
			t.Errorf("evidence %+v, want it to fail about %s and to say that 3 places were masked", r, subject)
		}
		kept, err := o.Document(t.Context(), r.Blob)
		must(t, err)
		for _, hidden := range []string{secret, "of-the-shop-42"} {
			if strings.Contains(string(kept), hidden) || strings.Contains(r.Result, hidden) {
				t.Errorf("%s is kept: %s", hidden, kept)
			}
		}
		if !strings.Contains(r.Result, r.Blob) {
			t.Errorf("the result is about other bytes than those kept: %s", r.Result)
		}
	}
	r, err := o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(passing))
	must(t, err)
	if r.Blob != seal.Raw([]byte(passing)) || strings.Contains(r.Why, "masked") {
		t.Errorf("evidence %+v, want a report without secrets to be kept byte for byte", r)
	}
	o.whole(t)
}

// A test that failed does not pass because its outcome stood inside of something like a key.
func TestEvidenceWhoseVerdictIsMaskedAwayIsRefused(t *testing.T) {
	t.Parallel()
	o := company(t)
	c, err := o.File(t.Context(), o.as("ann"), configChange(o))
	must(t, err)
	const report = `<testsuite name="unit"><testcase name="a"/>` +
		`<testcase name="-----BEGIN PRIVATE KEY-----" status="failed" file="-----END PRIVATE KEY-----"/></testsuite>`
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(report))
	refused(t, err, "secret_in_evidence")
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if len(v.Checks) != 0 {
		t.Errorf("evidence %+v was taken", v.Checks)
	}
}

// What people are to approve is kept as it is, so nothing can be masked in it. A file with a secret is
// therefore not kept at all, by whatever way it comes; what only looks odd is.
func TestADocumentWithASecretIsNotKept(t *testing.T) {
	t.Parallel()
	o := company(t)
	add := func(kind, text string) error {
		_, err := o.AddDocument(t.Context(), kind, strings.NewReader(text))
		return err
	}
	const secret = "db:\n  password: of-the-shop-42-Xq9\n"
	for _, kind := range []string{"config-file", "db-script", "attachment", "", "anything"} {
		refused(t, add(kind, secret), "secret_in_document")
		if _, err := o.Document(t.Context(), seal.Raw([]byte(secret))); err == nil {
			t.Fatalf("a secret sent as %q is kept", kind)
		}
	}
	if add(change.PolicyPack, secret) == nil {
		t.Error("a secret is kept because it is called a policy")
	}
	for name, text := range map[string]string{"a digest": "image: web@" + seal.Raw([]byte(file)) + "\n", "no text": "\x89PNG\r\n\x1a\n\x00\x00", "words": "workers: 4 # see the wiki\n"} {
		must(t, add("attachment", text))
		if b, err := o.Document(t.Context(), seal.Raw([]byte(text))); err != nil || string(b) != text {
			t.Errorf("%s is kept as %q: %v", name, b, err)
		}
	}
}
