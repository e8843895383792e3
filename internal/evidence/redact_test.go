package evidence_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/seal"
)

const (
	awsKey  = "AKIAIOSFODNN7EXAMPLE"
	jwt     = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh"
	keyPEM  = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
	chosen  = "hunter2-of-the-shop"
	randoms = "q7Zx9Lw2Rt5Yk8Pm3Nc6Vb1Hd4Jf0GsA"
)

// What a failing test prints of the program's secrets is not kept, in whatever form the report comes.
func TestNoSecretOfAReportIsKept(t *testing.T) {
	t.Parallel()
	message := strings.Join([]string{"key " + awsKey, "Authorization: Bearer " + jwt, keyPEM, "password=" + chosen, "seed " + randoms}, "\n")
	quoted := strings.ReplaceAll(message, "\n", `\n`)
	for name, doc := range map[string]string{
		"junit": `<testsuite name="unit" tests="1" failures="1"><testcase name="a"><failure message="password=` + chosen + `">` + message +
			`</failure><system-out><![CDATA[` + message + `]]></system-out></testcase></testsuite>`,
		"json":  `{"version":"2.1.0","runs":[{"results":[{"message":{"text":"` + quoted + `"},"properties":{"db_password":"` + chosen + `","n":1.50}}]}]}`,
		"plain": message,
	} {
		out, n := evidence.Redact([]byte(doc))
		if n == 0 {
			t.Errorf("%s: nothing was masked", name)
		}
		for _, secret := range []string{awsKey, jwt, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", chosen, randoms} {
			if bytes.Contains(out, []byte(secret)) {
				t.Errorf("%s: %s is still there: %s", name, secret, out)
			}
		}
		again, more := evidence.Redact(out)
		if more != 0 || !bytes.Equal(again, out) {
			t.Errorf("%s: masking twice is not masking once: %s", name, again)
		}
	}
	out, _ := evidence.Redact([]byte(`{"db_password":"` + chosen + `","size":1.50,"name":"aws"}`))
	if !strings.Contains(string(out), "1.50") || !strings.Contains(string(out), `"aws"`) {
		t.Errorf("numbers and names changed: %s", out)
	}
}

// A report without secrets is kept byte for byte, and one that is masked says the same as before.
func TestAReportIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	subject := seal.Raw([]byte("built"))
	for _, doc := range [][]byte{[]byte("plain text\n"), {0, 1, 2}, []byte("\xff password=abcdef"), []byte(""), []byte(subject + " 4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
		[]byte(`{"a": "` + subject + `",   "b":[1,2]}`)} {
		if out, n := evidence.Redact(doc); n != 0 || !bytes.Equal(out, doc) {
			t.Errorf("%q became %q", doc, out)
		}
	}
	files, err := filepath.Glob("testdata/*/*")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil || strings.Contains(f, "fuzz") {
			continue
		}
		format, err := evidence.Detect(bytes.NewReader(raw))
		if err != nil {
			continue
		}
		before, err := evidence.Parse(format, bytes.NewReader(raw), evidence.Options{Subject: subject})
		if err != nil {
			continue
		}
		out, n := evidence.Redact(raw)
		after, err := evidence.Parse(format, bytes.NewReader(out), evidence.Options{Subject: subject})
		if err != nil || after.Status != before.Status || after.Counts != before.Counts {
			t.Errorf("%s: %d places masked: %v, %+v was %+v", f, n, err, after, before)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, s := range []string{"password=" + chosen, `{"a":"` + jwt + `"}`, "<a b='token=" + chosen + "'>", keyPEM, "<<>>", `{"a":{"a":1}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		out, n := evidence.Redact(doc)
		if n == 0 && !bytes.Equal(out, doc) {
			t.Errorf("%q became %q without a masked place", doc, out)
		}
		if again, _ := evidence.Redact(append([]byte(" "+awsKey+" "), doc...)); utf8.Valid(doc) && !bytes.Contains(doc, []byte{0}) &&
			!bytes.Contains(doc, []byte(awsKey)) && bytes.Contains(again, []byte(awsKey)) {
			t.Errorf("a key before %q is still there: %q", doc, again)
		}
	})
}
