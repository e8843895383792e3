package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
)

func TestPlainHTTPIsServedOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:0": "", "[::1]:0": "", "localhost:0": "", "0.0.0.0:0": "plain_http", ":0": "plain_http", "[::]:0": "plain_http",
		"192.0.2.1:80": "plain_http", "example.com:80": "plain_http", "127.0.0.1": "bad_listen", "": "bad_listen",
	} {
		c := server.Default()
		c.Listen = listen
		if err := c.Check(); (err == nil) != (want == "") || err != nil && !fault.Is(err, want) {
			t.Errorf("%q: %v, want %q", listen, err, want)
		}
		c.BehindProxy = true
		if err := c.Check(); want == "plain_http" && err != nil {
			t.Errorf("%q behind a proxy: %v", listen, err)
		}
	}
	c := server.Default()
	c.TLSCert = "cert.pem"
	if err := c.Check(); !fault.Is(err, "half_tls") {
		t.Errorf("a certificate without its key: %v", err)
	}
}

func TestSettingsAreStrictAndSecretsHidden(t *testing.T) {
	t.Parallel()
	c := server.Default()
	for _, k := range server.Keys() {
		if err := c.Set(k.Name, k.Default); err != nil {
			t.Errorf("the default of %s: %v", k.Name, err)
		}
		if k.Usage == "" {
			t.Errorf("%s has no usage", k.Name)
		}
	}
	if err := c.Set("database", "postgres://plumb:hunter2@db/plumb"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"colour": "red", "behind-proxy": "perhaps", "account-rate": "-1", "webhook-allow": "10.0.0.0", "log-level": "loud"} {
		if err := c.Set(name, value); err == nil {
			t.Errorf("%s=%s is taken", name, value)
		}
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil || strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), `database: "***"`) {
		t.Errorf("printed (%v):\n%s", err, out.String())
	}
}

func TestAStartedServerSaysSoAndAStoppedOneLeavesNothing(t *testing.T) {
	// Not parallel: goroutines of other tests would count as leaked.
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	var terminal bytes.Buffer
	s := servertest.Empty(t, func(c *server.Config) { c.ReadyFile, c.Terminal, c.Ballast = ready, &terminal, 1 })
	var said struct {
		URL string `json:"url"`
		PID int    `json:"pid"`
	}
	for { // written once the server answers
		b, err := os.ReadFile(ready)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &said); err != nil {
			t.Fatalf("half a ready file: %q", b)
		}
		break
	}
	if said.URL != s.URL || said.PID != os.Getpid() {
		t.Errorf("the ready file says %+v", said)
	}
	for path, want := range map[string]int{"//healthz": 200, "//readyz": 200, "//metrics": 200} {
		s.Nobody().Want(want, "GET", path, nil)
	}
	s.Nobody().Want(405, "POST", "//healthz", nil)
	code := s.SetupCode()
	mode(t, ready, 0o600)
	mode(t, filepath.Join(s.Dir, "setup-code"), 0o600)
	for _, key := range []string{"install", "ledger.key", "permit.key", "root.key"} {
		mode(t, filepath.Join(s.Dir, "keys", key), 0o600)
	}
	s.Restart()
	if again := s.SetupCode(); again != code {
		t.Error("the setup code changed with a restart")
	}
	s.SetUp(servertest.Company())
	if _, err := os.Stat(filepath.Join(s.Dir, "setup-code")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the used setup code is still there: %v", err)
	}
	s.As(servertest.Olga).Want(200, "GET", "/me", nil)
	s.Nobody().Refused(409, "set_up_already", "POST", "/setup", func() map[string]any { b := servertest.Company(); b["code"] = code; return b }())
	waits := make(chan struct{})
	r := s.As(servertest.Alice).Request("GET", "/gate/wait?change="+string(s.Filed().ID), nil)
	go func() { // the stop answers it, or it never got in
		defer close(waits)
		if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
			res.Body.Close()
		}
	}()
	s.Stop()
	<-waits
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	servertest.Idle()
	if _, err := os.Stat(ready); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ready file of a stopped server is still there: %v", err)
	}
	if !strings.Contains(terminal.String(), code) {
		t.Error("the terminal did not show the setup code")
	}
	goleak.VerifyNone(t, before)
}

func mode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != want {
		t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
	}
}

func TestNothingIsDecidedBeforeTheCeremony(t *testing.T) {
	t.Parallel()
	s := servertest.Empty(t)
	s.Nobody().Want(200, "GET", "/setup", nil)
	body := servertest.Company()
	body["code"] = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
	s.Nobody().Refused(401, "wrong_setup_code", "POST", "/setup", body)
	body["code"], body["officers"] = s.SetupCode(), []string{servertest.Olga}
	s.Nobody().Refused(400, "bad_setup", "POST", "/setup", body)
	s.Nobody().Refused(401, "wrong_credentials", "POST", "/login", map[string]any{"username": "olga", "password": servertest.Password})
}

func TestKeysAndDatabaseBelongTogether(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Filed()
	s.Stop()
	keys := filepath.Join(s.Dir, "keys")
	if err := os.Rename(filepath.Join(keys, "permit.key"), filepath.Join(s.Dir, "permit.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Open(context.Background(), s.Config); !fault.Is(err, "keys_incomplete") {
		t.Errorf("without one key: %v", err)
	}
	if err := os.RemoveAll(keys); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Open(context.Background(), s.Config); !fault.Is(err, "wrong_keys") {
		t.Errorf("with new keys on an old database: %v", err)
	}
}

func TestTLSNeedsTheNewestVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	s := servertest.Empty(t, func(c *server.Config) { c.TLSCert, c.TLSKey = cert, key })
	if !strings.HasPrefix(s.URL, "https://") {
		t.Fatalf("the URL is %s", s.URL)
	}
	pool := x509.NewCertPool()
	b, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(b)
	for version, want := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: version}}}
		res, err := c.Get(s.URL + "/healthz")
		if (err == nil) != want {
			t.Errorf("TLS %x: %v", version, err)
		}
		if err == nil {
			res.Body.Close()
			c.CloseIdleConnections()
		}
	}
}

func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string][]byte{cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestWaitingEndsWithTheFirstWordOnTheChange(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	path := "/gate/wait?change=" + string(c.ID)
	var moved struct {
		Moved   bool   `json:"moved"`
		State   string `json:"state"`
		Version int64  `json:"version"`
	}
	s.CI().Want(200, "GET", path+"&timeout=0", nil).Into(&moved)
	if moved.Moved {
		t.Error("nothing moved")
	}
	got := make(chan servertest.Answer, 1)
	ci, known := s.CI(), moved.Version
	go func() { got <- ci.Ask("GET", path+"&timeout=30&version="+itoa(known), nil) }()
	s.As(servertest.Sam).Want(200, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{}, servertest.Seen(c)...)
	(<-got).Into(&moved)
	if !moved.Moved || moved.Version == known {
		t.Errorf("after an approval: %+v", moved)
	}
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

func TestTheTreeCanBeReadByForeignMonitors(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Filed()
	audra := s.As(servertest.Audra)
	var keys struct {
		Ledger string `json:"ledger"`
	}
	audra.Want(200, "GET", "/keys", nil).Into(&keys)
	head := signed(t, s, keys.Ledger)
	for head.Size < 2 {
		head = signed(t, s, keys.Ledger)
	}
	audra.Want(200, "GET", "//ledger/tile/0/000.p/"+itoa(head.Size), nil)
	if a := audra.Want(200, "GET", "//ledger/tile/entries/000.p/"+itoa(head.Size), nil); !bytes.Contains(a.Body, []byte("change.filed")) && head.Size > 40 {
		t.Error("the entries do not hold the events")
	}
	audra.Want(200, "GET", "/ledger/proof/0?size="+itoa(head.Size), nil)
	audra.Want(200, "GET", "/ledger/consistency?from=1&to="+itoa(head.Size), nil)
	audra.Want(404, "GET", "/ledger/proof/999999", nil)
	s.Nobody().Want(401, "GET", "//ledger/tile/0/000.p/1", nil)
}

func signed(t *testing.T, s *servertest.Server, vkey string) ledger.Checkpoint {
	t.Helper()
	a := s.Nobody().Ask("GET", "//ledger/checkpoint", nil)
	if a.Status == http.StatusNotFound {
		return ledger.Checkpoint{} // the first comes within a second
	}
	c, err := ledger.ReadCheckpoint(a.Body, vkey)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestADisabledPersonIsOutAtOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	alice := s.As(servertest.Alice)
	token := s.With(s.Token(servertest.Alice, map[string]any{"name": "mine", "scopes": []string{"read"}}))
	token.Want(200, "GET", "/changes", nil)
	s.As(servertest.Olga).Want(204, "POST", "/people/"+s.People[servertest.Alice]+"/disable", map[string]any{"reason": "left"})
	for _, c := range []*servertest.Client{alice, token} {
		if a := c.Ask("GET", "/changes", nil); a.Status != http.StatusUnauthorized {
			t.Errorf("a disabled person still reads: %d", a.Status)
		}
	}
	s.Nobody().Refused(401, "wrong_credentials", "POST", "/login", map[string]any{"username": servertest.Alice, "password": servertest.Password})
}
