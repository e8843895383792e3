// Package client is the typed way to a Plumbline server over HTTP: one method per route, retries, and
// errors that are the server's own refusals. It decides nothing, keeps nothing on disk and prints
// nothing. Its types repeat the members of the server's JSON that a person or a pipeline needs; what a
// newer server adds is passed on untouched in Reply.Raw.
package client

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Limits of one exchange.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 60 * time.Second // from the request to the end of the answer, without streams
	streamTimeout = 30 * time.Minute // uploads and exports
	maxAnswer     = 128 << 20        // bytes of an answer that is held in memory
	maxSkew       = 30 * time.Second // difference of the clocks that is worth a warning
)

// Config says which server is asked, as whom, and how patiently.
type Config struct {
	URL      string        // http://127.0.0.1:8080 or https://…; plain http is for loopback only
	Token    seal.Secret   // bearer secret of a session or an API token; "" for anonymous routes
	RetryFor time.Duration // how long an unreachable or busy server is tried again; 0 means once
	Agent    string        // User-Agent
	CA       *x509.CertPool
	Warn     func(format string, args ...any) // told of retries and a skewed clock; nil is allowed
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	config Config
	http   *http.Client
	skewed *sync.Once // the clocks are compared aloud once
}

// New makes a client; it does no I/O. It refuses an address over which the token would be readable.
func New(c Config) (*Client, error) {
	u, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if c.Warn == nil {
		c.Warn = func(string, ...any) {}
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.CA}, TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	return &Client{base: u, config: c, skewed: new(sync.Once), http: &http.Client{Transport: t,
		// A redirect would carry the token to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// URL is the server's address without a trailing slash.
func (c *Client) URL() string { return strings.TrimSuffix(c.base.String(), "/") }

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// parseURL reads a server address: scheme and host, no more. Plain http is taken to loopback only.
func parseURL(s string) (*url.URL, error) {
	bad := func(text string) error {
		return fault.New(fault.Invalid, "bad_url", "%s", text).FixedBy("you").Then("export PLUMB_URL=https://plumb.example.com")
	}
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSpace(s), "/"))
	switch {
	case strings.TrimSpace(s) == "":
		return nil, fault.New(fault.Invalid, "no_url", "No server is named.").FixedBy("you").Then("export PLUMB_URL=https://plumb.example.com, or plumb login --url …")
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, bad("The server's address is not of the form https://host[:port].")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return nil, bad("The server's address starts with neither https:// nor http://.")
	case !loopback(u.Hostname()):
		return nil, fault.New(fault.Invalid, "plain_http", "Plain http is for loopback only; a token would be readable on the way.").
			Because("transport", "").FixedBy("whoever runs the server").Then("export PLUMB_URL=https://%s", u.Host)
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
