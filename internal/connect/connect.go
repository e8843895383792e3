// Package connect holds what sources have in common: how a document and an answer are bounded, how labels are read off tags,
// and the words in which a source says that it could not be read. Each folder below is one kind of source; it returns
// records and writes nothing. This package knows none of them.
package connect

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Attrs is the properties of one record while it is made.
type Attrs map[string]inventory.Value

// Text sets a text; an empty one is no property.
func (a Attrs) Text(path, s string) {
	if s != "" {
		a[path] = inventory.Text(s)
	}
}

// Set sets a set of texts; an empty one is a property too: that there is none is a fact.
func (a Attrs) Set(path string, items []string) { a[path] = inventory.Set(items...) }

// Flag sets a boolean.
func (a Attrs) Flag(path string, b bool) { a[path] = inventory.Flag(b) }

// Number sets an integer.
func (a Attrs) Number(path string, n int64) { a[path] = inventory.Number(n) }

// Tags sets each tag below a path.
func (a Attrs) Tags(path string, tags map[string]string) {
	for k, v := range tags {
		a[path+"."+k] = inventory.Text(v)
	}
}

// labelTags are the tags by which people name the governed labels, the one that counts first.
var labelTags = []struct{ label, tag string }{
	{inventory.LabelEnvironment, "environment"},
	{inventory.LabelEnvironment, "env"},
	{inventory.LabelClassification, "classification"},
	{inventory.LabelOwner, "owner"},
	{inventory.LabelRole, "role"},
	{inventory.LabelTier, "tier"},
	{inventory.LabelCriticality, "criticality"},
}

// Labels reads the governed labels off tags, whatever the case of their names. A value that is none of the label's is left
// out: the thing then counts as unlabelled.
func Labels(tags map[string]string) map[string]string {
	folded := make(map[string]string, len(tags))
	for k, v := range tags {
		name := strings.ToLower(strings.TrimSpace(k))
		if old, twice := folded[name]; !twice || v < old { // two spellings of one tag: the same one counts every time
			folded[name] = v
		}
	}
	out := map[string]string{}
	for _, l := range labelTags {
		if _, done := out[l.label]; done {
			continue
		}
		if v, ok := inventory.ReadLabel(l.label, folded[l.tag]); ok {
			out[l.label] = v
		}
	}
	return out
}

// ReadAll reads a document of at most this many bytes.
func ReadAll(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, Unreadable("the document", err)
	}
	if int64(len(b)) > most {
		return nil, fault.New(fault.TooLarge, "document_too_large", "The document is larger than %d bytes.", most).
			FixedBy("whoever sends it").Then("send it in parts, each for a scope of its own")
	}
	return b, nil
}

// BadDocument is the refusal of a document that is not what the source takes. It quotes nothing of it.
func BadDocument(what string) error {
	return fault.New(fault.Invalid, "bad_document", "The document cannot be read: %s.", what).
		FixedBy("whoever sends it").Then("make the document again, and send it unchanged")
}

// BadSetting is the refusal of a setting.
func BadSetting(key, problem string) error {
	return fault.New(fault.Invalid, "bad_setting", "The source cannot be set up like that.").At("settings."+key, problem).
		FixedBy("whoever set the source up").Then("correct the setting")
}

// Unreadable says that a source did not answer to its end. The cause's own words may hold what was sent, so they are for the
// operator only; what is missing from such a reading counts for nothing.
func Unreadable(what string, cause error) error {
	if own := (*fault.Error)(nil); errors.As(cause, &own) {
		return own
	}
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return fault.New(fault.Unavailable, "not_readable", "The source could not be read to its end (%s): %s.", what, reason(cause)).
		FixedBy("whoever looks after the source").Then("see that it answers; it is read again at its next time")
}

// NotAdmitted says that the source knows no such credential, or does not let it read.
func NotAdmitted(what string) error {
	return fault.New(fault.Conflict, "not_admitted", "The source does not let this credential read (%s).", what).
		FixedBy("whoever looks after the source").Then("give it a credential that may read, and nothing more")
}

// reason says the kind of a failure, without an address or anything that was sent.
func reason(err error) string {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		return "its name is not known"
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		return "no connection"
	}
	if errors.Is(err, errLong) || errors.Is(err, errEndless) {
		return "it answers more than is read"
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	return "the answer broke off or was not understood"
}

// Status is the answer of a source as an error, for a status other than 200.
func Status(what string, status int) error {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return NotAdmitted(what)
	}
	return fault.New(fault.Unavailable, "not_readable", "The source could not be read to its end (%s): %s.", what, "status "+strconv.Itoa(status)).
		FixedBy("whoever looks after the source").Then("see that it answers; it is read again at its next time")
}

// Endpoint reads the address of an API. Credentials in it would be shown with the settings, so it takes none; plain HTTP
// only on this machine, for a credential goes with every call.
func Endpoint(key, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, BadSetting(key, "is no http or https address")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, BadSetting(key, "holds more than an address: credentials have a setting of their own")
	case u.Scheme == "http" && !local(u.Hostname()):
		return nil, BadSetting(key, "must be https, unless it is this machine")
	}
	return u, nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxCalls bounds the calls of one reading: a source whose pages never end is not read for ever.
const maxCalls = 20_000

// Client makes the HTTP client of one reading: it follows no redirect, for a credential must not be sent on to another host;
// each answer has a time limit and at most this many bytes.
func Client(transport http.RoundTripper, each time.Duration, most int64) *http.Client {
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: each, ResponseHeaderTimeout: each,
			MaxResponseHeaderBytes: 1 << 20, MaxIdleConnsPerHost: 2, IdleConnTimeout: each}
	}
	return &http.Client{Transport: &bounded{next: transport, most: most}, Timeout: each,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type bounded struct {
	next  http.RoundTripper
	most  int64
	calls atomic.Int64
}

// RoundTrip answers with a body that fails beyond the limit, instead of one that ends there as if it were whole.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.calls.Add(1) > maxCalls {
		return nil, errEndless
	}
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = &boundedBody{answer.Body, b.most}
	}
	return answer, err
}

// CloseIdleConnections lets go of what waits for another call.
func (b *bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

var (
	errLong    = errors.New("connect: the answer is longer than is read")
	errEndless = errors.New("connect: the source has more pages than are read")
)

// Read reads on while there is room.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errLong
	}
	return n, err
}
