package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/go-ldap/ldap/v3"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Access is how a directory is reached. It is also used for Active Directory.
type Access struct {
	url      *url.URL
	bind     string
	password string
	caFile   string
	tlsName  string
	plain    bool
}

// AccessSettings are the settings that ReadAccess reads.
func AccessSettings() []inventory.Setting {
	return []inventory.Setting{
		{Key: "url", Help: "ldaps://host, ldap://host (StartTLS is used) or ldapi:///path/to/socket", Required: true},
		{Key: "bind_dn", Help: "name to sign in with; it needs to read only", Required: true},
		{Key: "password", Help: "its password", Secret: true, Required: true},
		{Key: "ca_file", Help: "file with the certificates that the server's must be signed by; without it the machine's"},
		{Key: "tls_name", Help: "name that the server's certificate must have, if it is not the host of the url"},
		{Key: "plaintext", Help: "yes sends the password without TLS", Default: "no"},
	}
}

// ReadAccess checks the settings of AccessSettings.
func ReadAccess(in inventory.Input) (Access, error) {
	a := Access{bind: in.Settings["bind_dn"], password: in.Settings["password"], caFile: in.Settings["ca_file"], tlsName: in.Settings["tls_name"]}
	var err error
	if a.url, err = url.Parse(in.Settings["url"]); err != nil || a.url.Host == "" && a.url.Path == "" {
		return a, connect.BadSetting("url", "is no URL of a directory")
	}
	if a.url.User != nil {
		return a, connect.BadSetting("url", "holds more than an address: credentials have settings of their own")
	}
	switch a.url.Scheme {
	case "ldap", "ldaps", "ldapi":
	default:
		return a, connect.BadSetting("url", "begins with ldaps://, ldap:// or ldapi://")
	}
	var ok bool
	if a.plain, ok = connect.Yes(in.Settings["plaintext"]); !ok {
		return a, connect.BadSetting("plaintext", "is yes or no")
	}
	if a.bind == "" || a.password == "" { // a bind without a password is an anonymous one that looks like success (RFC 4513 5.1.2)
		return a, connect.BadSetting("password", "is needed, and bind_dn with it")
	}
	return a, nil
}

// answerTime bounds one operation, dialTime the way there.
const (
	answerTime = time.Minute
	dialTime   = 10 * time.Second
)

// Conn is a connection to a directory, signed in.
type Conn struct {
	ldap *ldap.Conn
	stop func() bool
}

// Dial connects, begins TLS and signs in. The connection ends when ctx does.
func (a Access) Dial(ctx context.Context) (*Conn, error) {
	conf, err := a.tls()
	if err != nil {
		return nil, err
	}
	l, err := ldap.DialURL(a.url.String(), ldap.DialWithDialer(&net.Dialer{Timeout: dialTime}), ldap.DialWithTLSConfig(conf))
	if err != nil {
		return nil, failed(err)
	}
	l.SetTimeout(answerTime)
	c := &Conn{ldap: l, stop: context.AfterFunc(ctx, func() { _ = l.Close() })}
	if a.url.Scheme == "ldap" && !a.plain {
		err = l.StartTLS(conf)
	}
	if err == nil {
		err = l.Bind(a.bind, a.password)
	}
	if err != nil {
		c.Close()
		return nil, failed(err)
	}
	return c, nil
}

func (a Access) tls() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: a.tlsName}
	if conf.ServerName == "" {
		conf.ServerName = a.url.Hostname()
	}
	if a.caFile != "" {
		text, err := os.ReadFile(a.caFile)
		if err != nil {
			return nil, connect.BadSetting("ca_file", "cannot be read")
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, connect.BadSetting("ca_file", "holds no certificate")
		}
	}
	return conf, nil
}

// failed says why a directory did not answer, without repeating its words.
func failed(err error) error {
	for _, code := range []uint16{ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultStrongAuthRequired,
		ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultNoSuchObject} {
		if ldap.IsErrorWithCode(err, code) {
			return connect.NotAdmitted(ldap.LDAPResultCodeMap[code])
		}
	}
	return connect.Unreadable("the directory", err)
}

// Close ends the connection.
func (c *Conn) Close() {
	c.stop()
	_ = c.ldap.Close()
}

// Bounds of one search.
const (
	pageSize   = 500
	maxEntries = 500_000
)

// Each gives every entry below base that the filter finds, page by page. It returns nil only when the server said that
// there are no more.
func (c *Conn) Each(base, filter string, attrs []string, give func(*ldap.Entry) error) error {
	page := ldap.NewControlPaging(pageSize)
	for n := 0; ; {
		res, err := c.ldap.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, filter, attrs,
			[]ldap.Control{page}))
		if err != nil {
			return failed(err)
		}
		for _, e := range res.Entries {
			if n++; n > maxEntries {
				return connect.TooMuch("500,000 entries in the directory")
			}
			if err := give(e); err != nil {
				return err
			}
		}
		next, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok { // without it nobody knows whether this was all
			return connect.Unreadable("the directory", errors.New("it does not answer in pages (RFC 2696)"))
		}
		if len(next.Cookie) == 0 {
			return nil
		}
		page.SetCookie(next.Cookie)
	}
}

// One gives one entry by its name.
func (c *Conn) One(dn string, attrs []string) (*ldap.Entry, error) {
	res, err := c.ldap.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", attrs, nil))
	if err != nil {
		return nil, failed(err)
	}
	if len(res.Entries) != 1 {
		return nil, connect.Unreadable("the directory", errors.New("an entry is not there"))
	}
	return res.Entries[0], nil
}
