package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

// appIn makes an app with an environment and a settings folder of its own.
func appIn(t *testing.T, env map[string]string) *app {
	t.Helper()
	if env == nil {
		env = map[string]string{}
	}
	env["XDG_CONFIG_HOME"], env["XDG_STATE_HOME"] = filepath.Join(t.TempDir(), "c"), filepath.Join(t.TempDir(), "s")
	return &app{in: &bytes.Buffer{}, out: &bytes.Buffer{}, err: &bytes.Buffer{}, env: func(n string) (string, bool) { v, ok := env[n]; return v, ok }}
}

func TestASessionIsForItsOwnServerOnly(t *testing.T) {
	t.Parallel()
	a := appIn(t, nil)
	path, err := a.sessionFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := writePrivate(path, []byte(`{"url":"https://a","token":"plb_ses_x"}`)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the session file is %v, %v", info.Mode(), err)
	}
	if got, err := a.bearer("https://a"); err != nil || got.Reveal() != "plb_ses_x" {
		t.Errorf("its own server gets %v, %v", got, err)
	}
	if got, err := a.bearer("https://b"); err != nil || got != "" {
		t.Errorf("another server gets %q, %v", got.Reveal(), err)
	}
	if got, err := a.address(); err != nil || got != "https://a" {
		t.Errorf("without PLUMB_URL the server is %q, %v", got, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := a.bearer("https://a"); !fault.Is(err, "file_not_private") {
		t.Errorf("a session that others can read: %v", err)
	}
}

func TestTheTokenFileComesBeforeTheSession(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	a := appIn(t, map[string]string{"PLUMB_TOKEN_FILE": file})
	path, err := a.sessionFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := writePrivate(path, []byte(`{"url":"https://a","token":"plb_ses_x"}`)); err != nil {
		t.Fatal(err)
	}
	for text, code := range map[string]string{"": "bad_token_file", "secret": "bad_token_file", "plb_pat_a\nplb_pat_b\n": "bad_token_file"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := a.bearer("https://a"); !fault.Is(err, code) || got != "" {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	if err := os.WriteFile(file, []byte("plb_pat_a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := a.bearer("https://a"); err != nil || got.Reveal() != "plb_pat_a" {
		t.Errorf("got %v, %v", got, err)
	}
	if got := a.err.(*bytes.Buffer).String(); got != "" {
		t.Errorf("it said %q", got)
	}
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := parsePublic([]byte(text)); !fault.Is(err, "bad_key") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
