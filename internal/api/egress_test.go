package api

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyTheWorldCanBeReached(t *testing.T) {
	t.Parallel()
	e := newEgress(nil)
	for at, want := range map[string]bool{
		"1.1.1.1:443": true, "[2606:4700:4700::1111]:8443": true,
		"1.1.1.1:80": false, "1.1.1.1:22": false, "127.0.0.1:443": false, "[::1]:443": false, "10.1.2.3:443": false,
		"172.16.0.1:443": false, "192.168.0.1:443": false, "169.254.169.254:443": false, "100.64.1.1:443": false,
		"0.0.0.0:443": false, "0.1.2.3:443": false, "224.0.0.1:443": false, "255.255.255.255:443": false, "198.18.0.1:443": false,
		"[fe80::1]:443": false, "[fd00::1]:443": false, "[fec0::1]:443": false, "[ff02::1]:443": false, "[::]:443": false,
		"[::ffff:127.0.0.1]:443": false, "[64:ff9b::a00:1]:443": false, "[2002:7f00:1::]:443": false, "[2001:db8::1]:443": false,
	} {
		p := netip.MustParseAddrPort(at)
		if err := e.worldOrInside(netip.AddrPortFrom(p.Addr().Unmap(), p.Port())); (err == nil) != want {
			t.Errorf("%s: %v, want allowed %v", at, err, want)
		}
		if e.insideOnly(p) == nil {
			t.Errorf("%s can be reached without TLS", at)
		}
	}
}

// The address that is connected to decides, whatever the name said: localhost stands for a name whose
// owner points it inside.
func TestANameThatLeadsInsideIsNotFollowed(t *testing.T) {
	t.Parallel()
	called := false
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer inside.Close()
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://localhost:"+port+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	e := newEgress(nil)
	defer e.close()
	if _, err := e.do(t.Context(), r); !errors.Is(err, errForbidden) || called {
		t.Errorf("got %v, called %v", err, called)
	}
}
