package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// session is what a sign-in leaves on disk, readable by its owner only.
type session struct {
	URL     string `json:"url"`
	Token   string `json:"token"`
	Expires string `json:"expires"`
	Person  string `json:"person"`
	Name    string `json:"name"`
}

// configDir is where sessions and pinned keys are kept.
func (a *app) configDir() (string, error) { return a.userDir("XDG_CONFIG_HOME", ".config") }

// stateDir is where permits in hand and reports that could not be sent are kept.
func (a *app) stateDir() (string, error) { return a.userDir("XDG_STATE_HOME", ".local/state") }

func (a *app) userDir(variable, below string) (string, error) {
	if d := a.getenv(variable); filepath.IsAbs(d) {
		return filepath.Join(d, "plumb"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fault.New(fault.Invalid, "no_home", "There is no folder for settings: neither %s nor HOME is set.", variable).
			FixedBy("you").Then("export %s=/some/folder", variable)
	}
	return filepath.Join(home, below, "plumb"), nil
}

// writePrivate writes a file that only its owner can read, in a folder of the same kind.
func writePrivate(path string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return seal.WriteFile(path, body, 0o600)
}

// readPrivate reads such a file. One that others can read is refused: what stands in it may be known.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "file_not_private", "%s can be read by others, so it is not used.", path).
			Because("sign-in", "").FixedBy("you").Then("rm %s; plumb login", path)
	}
	return os.ReadFile(path)
}

func (a *app) sessionFile() (string, error) {
	dir, err := a.configDir()
	return filepath.Join(dir, "session"), err
}

// session reads the session in hand; nil when there is none.
func (a *app) session() (*session, error) {
	path, err := a.sessionFile()
	if err != nil {
		return nil, err
	}
	b, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s session
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fault.New(fault.Invalid, "bad_session_file", "%s is not a session file.", path).FixedBy("you").Then("plumb login").From(err)
	}
	return &s, nil
}

// tokenFile names the file with an API token, "" when none is set.
func (a *app) tokenFile() string {
	if a.opts.tokenFile != "" {
		return a.opts.tokenFile
	}
	return a.getenv("PLUMB_TOKEN_FILE")
}

// usesToken reports whether this run comes with an API token.
func (a *app) usesToken() bool { return a.tokenFile() != "" }

// bearer finds what to sign in with, in this order: the token file, the session of this very server.
func (a *app) bearer(url string) (seal.Secret, error) {
	if path := a.tokenFile(); path != "" {
		return a.readToken(path)
	}
	s, err := a.session()
	if err != nil || s == nil || s.URL != url {
		return "", err
	}
	return seal.Secret(s.Token), nil
}

func (a *app) readToken(path string) (seal.Secret, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fault.New(fault.Unauthenticated, "no_token_file", "The token file cannot be read.").Because("sign-in", "").
			FixedBy("whoever runs the pipeline").Then("write the token to the file that PLUMB_TOKEN_FILE names").From(err)
	}
	token := strings.TrimSpace(string(b))
	if !strings.HasPrefix(token, "plb_") || strings.ContainsAny(token, " \t\r\n") {
		return "", fault.New(fault.Unauthenticated, "bad_token_file", "The token file does not hold one token.").Because("sign-in", "").
			FixedBy("whoever runs the pipeline").Then("plumb token create --out %s", path)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
		a.note("Warning: everybody on this machine can read %s.", path)
	}
	return seal.Secret(token), nil
}

// address is the server to ask: the flag, else PLUMB_URL, else where the person signed in.
func (a *app) address() (string, error) {
	for _, u := range []string{a.opts.url, a.getenv("PLUMB_URL")} {
		if u != "" {
			return strings.TrimSuffix(u, "/"), nil
		}
	}
	s, err := a.session()
	if err != nil || s == nil {
		return "", err
	}
	return s.URL, nil
}

// anonymous makes a client without a token.
func (a *app) anonymous() (*client.Client, error) {
	url, err := a.address()
	if err != nil {
		return nil, err
	}
	return a.clientFor(url, "")
}

// client makes a client that is somebody. Who has neither token nor session is refused, after a look
// whether the server is there at all: of an unreachable server and a missing identity the first is said
// first.
func (a *app) client(ctx context.Context) (*client.Client, error) {
	url, err := a.address()
	if err != nil {
		return nil, err
	}
	token, err := a.bearer(url)
	if err == nil && token == "" {
		err = fault.New(fault.Unauthenticated, "not_signed_in", "You are not signed in to %s.", url).Because("sign-in", "").
			FixedBy("you").Then("plumb login --url %s; in a pipeline set PLUMB_TOKEN_FILE", url)
	}
	c, bad := a.clientFor(url, token)
	if bad != nil {
		return nil, bad
	}
	if err != nil && fault.Of(err).Kind == fault.Unauthenticated {
		if _, down := c.SetupState(ctx); fault.Is(down, client.Unreachable) {
			return nil, down
		}
	}
	return c, err
}

func (a *app) clientFor(url string, token seal.Secret) (*client.Client, error) {
	pool, err := a.roots()
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: url, Token: token, RetryFor: a.opts.retryFor, Agent: "plumb/" + version(), CA: pool,
		Warn: func(format string, args ...any) { a.note(format, args...) }})
}

// roots adds the authority that PLUMB_CA_FILE names, for servers with a certificate of their own.
func (a *app) roots() (*x509.CertPool, error) {
	path := a.getenv("PLUMB_CA_FILE")
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read PLUMB_CA_FILE: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(b) {
		return nil, fault.New(fault.Invalid, "bad_ca_file", "PLUMB_CA_FILE holds no certificate.").FixedBy("you").Then("unset PLUMB_CA_FILE")
	}
	return pool, nil
}

// fileFault says that a file of the asker's cannot be used.
func fileFault(path string, err error) error {
	text := "cannot be read"
	if errors.Is(err, fs.ErrNotExist) {
		text = "does not exist"
	}
	return fault.New(fault.Invalid, "bad_file", "%s %s.", path, text).FixedBy("you").Then("ls -l %s", path).From(err)
}
