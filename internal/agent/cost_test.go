package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"go/parser"
	gotoken "go/token"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/probe"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
)

// certificate makes a key and a certificate for loopback that signs itself.
func certificate(t testing.TB) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "plumb"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	priv, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: priv}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// counter passes connections on and counts what goes through, both ways.
func counter(t testing.TB, to string) (addr string, bytes *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	bytes = new(atomic.Int64)
	pass := func(dst, src net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			n, err := src.Read(buf)
			bytes.Add(int64(n))
			if _, wrong := dst.Write(buf[:n]); err != nil || wrong != nil {
				_ = dst.Close()
				return
			}
		}
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			go pass(in, out)
			go pass(out, in)
		}
	}()
	return l.Addr().String(), bytes
}

func TestWhatGoesOverTheWireIsWhatChanged(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	secret, olga := token(t, s), seal.Secret(s.As("olga").Secret)
	s.Stop()
	s.Config.TLSCert, s.Config.TLSKey = certificate(t)
	s.Restart()
	addr, bytes := counter(t, strings.TrimPrefix(s.URL, "https://"))
	w := machine(t)
	for i := range 1000 - len(w) { // as many as a server with a database and a web server has
		w[fmt.Sprintf("package.libexample%d-perl", i)] = fmt.Sprintf(`"%d.36.0-7+deb12u%d amd64"`, i%9, i%4)
	}
	cfg := config(t, w.collectors())
	ca := copyOf(t, s.Config.TLSCert)
	if _, err := agent.Enrol(t.Context(), cfg, "https://"+addr, ca, secret, "host-1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ca); err != nil { // the agent has its own: a service does not see everybody's files
		t.Fatal(err)
	}
	a, err := agent.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	cost := func() int64 {
		before := bytes.Load()
		if _, err := a.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		return bytes.Load() - before
	}
	full := cost()
	inTheInventory(t, s, olga)
	same := cost()
	w["system.kernel"], w["package.libexample1-perl"], w["user.eve.shell"] = `"6.9"`, `"9.9 amd64"`, `"/bin/sh"`
	three := cost()
	if same*100 > full || three*20 > full {
		t.Errorf("full %d bytes, unchanged %d (%.2f %%), three changed %d (%.2f %%)", full, same, 100*float64(same)/float64(full),
			three, 100*float64(three)/float64(full))
	}
	t.Logf("full %d bytes, unchanged %d, three changed %d", full, same, three)
}

func copyOf(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	at := filepath.Join(t.TempDir(), "ca.pem")
	if err == nil {
		err = os.WriteFile(at, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// inTheInventory waits until a server with TLS has taken what its agent reported.
func inTheInventory(t testing.TB, s *servertest.Server, officer seal.Secret) {
	t.Helper()
	pem, err := os.ReadFile(s.Config.TLSCert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c, err := client.New(client.Config{URL: s.URL, Token: officer, CA: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(50 * time.Millisecond) {
		r, err := c.Agents(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if p := r.Value.Items[0].Presence; p.Root != "" && p.Root == p.Taken {
			return
		}
	}
	t.Fatal("what the agent reported does not come into the inventory")
}

func TestALookAtThisHostCostsLittle(t *testing.T) {
	t.Parallel()
	cfg := config(t, probe.Collectors())
	l := agent.Collect(t.Context(), cfg, nil)
	ms, err := strconv.ParseInt(string(l.Last["agent.cpu-ms"]), 10, 64)
	if err != nil || ms >= 2000 || len(l.Failed) > 0 {
		t.Errorf("a look took %s ms of processor time; not read: %v", l.Last["agent.cpu-ms"], l.Failed)
	}
	if runtime.GOOS == "linux" && len(l.Facts) < 50 {
		t.Errorf("only %d facts", len(l.Facts))
	}
	t.Logf("%d facts, %d ms of processor time", len(l.Facts), ms)
}

func TestTheAgentRunsNothingAndListensNowhere(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{".", "../probe"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) < 3 {
			t.Fatalf("%v %v", files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				path, _ := strconv.Unquote(i.Path.Value)
				if slices.Contains([]string{"os/exec", "plugin", "net/http", "net/rpc"}, path) || path == "net" && !strings.HasSuffix(name, "network.go") {
					t.Errorf("%s imports %s", name, path)
				}
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"net.Listen", "StartProcess", "ForkExec", "syscall.Exec"} {
				if strings.Contains(string(b), word) {
					t.Errorf("%s uses %s", name, word)
				}
			}
		}
	}
}
