package api

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// egress is the one way out of this server. It looks at the address that is really connected to, after
// every name was resolved, so that no name, no redirect and no second answer of a name server leads
// inside (trust model 52).
type egress struct {
	inside []netip.Prefix // private networks that the operator opened
	secure *http.Client   // https, to the world and to what is opened
	plain  *http.Client   // http, to what is opened only
}

// Bounds of one request outwards.
const (
	egressTime   = 15 * time.Second
	egressHeader = 16 << 10
	egressBody   = 64 << 10
)

// closed lists what is neither this network's inside nor the world, beyond what netip tells by itself.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by carriers
	netip.MustParsePrefix("192.0.0.0/24"),  // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),  // documentation
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), // holds an IPv4 address
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), // holds an IPv4 address
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // holds an IPv4 address
	netip.MustParsePrefix("fec0::/10"),
}

func newEgress(inside []netip.Prefix) *egress {
	e := &egress{inside: inside}
	e.secure = client(e.worldOrInside)
	e.plain = client(e.insideOnly)
	return e
}

func client(allowed func(netip.AddrPort) error) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return errForbidden
		}
		return allowed(netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()))
	}}
	return &http.Client{Timeout: egressTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: egressTime, MaxResponseHeaderBytes: egressHeader,
			MaxIdleConns: 32, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}}
}

// errForbidden says that an address is not one to connect to.
var errForbidden = errors.New("the address is not allowed for webhooks")

func (e *egress) insideOnly(at netip.AddrPort) error {
	if e.opened(at.Addr()) {
		return nil
	}
	return errForbidden
}

func (e *egress) worldOrInside(at netip.AddrPort) error {
	if e.opened(at.Addr()) || world(at.Addr()) && (at.Port() == 443 || at.Port() == 8443) {
		return nil
	}
	return errForbidden
}

func (e *egress) opened(ip netip.Addr) bool {
	return slices.ContainsFunc(e.inside, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// world reports whether an address is a public one.
func world(ip netip.Addr) bool {
	return ip.IsValid() && ip.IsGlobalUnicast() && !ip.IsPrivate() &&
		!slices.ContainsFunc(closed, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// check refuses an address for a webhook that could never be delivered to. Names are looked at when they
// are connected to.
func (e *egress) check(target string) error {
	wrong := func(problem string) error {
		return fault.New(fault.Invalid, "bad_webhook_url", "The webhook cannot be sent there.").At("url", problem).
			FixedBy("the operator of the server, for an address inside").Then("plumb serve --webhook-allow NETWORK")
	}
	u, err := url.Parse(target)
	switch {
	case err != nil || len(target) > 2000 || u.Host == "" || u.Opaque != "":
		return wrong("is not an absolute URL")
	case u.User != nil || u.Fragment != "":
		return wrong("holds a user name or a fragment")
	case u.Scheme == "http" && len(e.inside) == 0, u.Scheme != "http" && u.Scheme != "https":
		return wrong("is not https")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil
	}
	port := map[string]uint16{"http": 80, "https": 443}[u.Scheme]
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		port = uint16(n)
	}
	if err := e.allowed(u.Scheme)(netip.AddrPortFrom(ip.Unmap().WithZone(""), port)); err != nil {
		return wrong("is an address that webhooks do not reach")
	}
	return nil
}

func (e *egress) allowed(scheme string) func(netip.AddrPort) error {
	if scheme == "http" {
		return e.insideOnly
	}
	return e.worldOrInside
}

// do sends a request by the client of its scheme.
func (e *egress) do(ctx context.Context, r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" {
		return e.plain.Do(r.WithContext(ctx))
	}
	return e.secure.Do(r.WithContext(ctx))
}

// close ends idle connections.
func (e *egress) close() {
	e.plain.CloseIdleConnections()
	e.secure.CloseIdleConnections()
}
