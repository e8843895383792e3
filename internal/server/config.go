package server

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// Config is everything that an operator can say to a server.
type Config struct {
	Data         string         // data folder: database, keys, documents
	Listen       string         // address and port
	ReadyFile    string         // written once the server answers, removed when it stops; "" for none
	Database     string         // postgres://…; "" for SQLite in the data folder
	Schema       string         // PostgreSQL schema; "" for the connection's own
	TLSCert      string         // PEM file
	TLSKey       string         // PEM file
	BehindProxy  bool           // a proxy of ours ends TLS and tells the client's address
	URL          string         // where people reach the server; "" for the address it listens on
	WebhookAllow []netip.Prefix // private networks that webhooks may reach
	AccountRate  int            // requests per second of one account; 0 for no limit
	StrangerRate int            // requests per second of one address by nobody known; 0 for no limit
	Ballast      int            // MiB kept to be freed when the disk is full
	LogLevel     slog.Level
	Build        string // version of the program, as the pages show it

	Clock    func() time.Time // nil for the machine's
	Logger   *slog.Logger     // nil for text on Terminal
	Terminal io.Writer        // where the setup code is printed; nil for nowhere

	HashCheaply bool // passwords are hashed at no cost that protects them: for tests, see directory.Desk
}

// Key is one row of the table of settings.
type Key struct {
	Name    string // as a flag, and in upper case with PLUMB_ before it as an environment variable
	Usage   string
	Default string
	Secret  bool // its value is not printed
	Switch  bool // true or false
	set     func(*Config, string) error
	get     func(*Config) string
}

// Keys is the one table of settings.
func Keys() []Key {
	return []Key{
		text("data", "data folder: database, keys, documents", "plumb-data", func(c *Config) *string { return &c.Data }),
		text("listen", "address and port to listen on", "127.0.0.1:8440", func(c *Config) *string { return &c.Listen }),
		text("ready-file", "file that is written once the server answers", "", func(c *Config) *string { return &c.ReadyFile }),
		hidden(text("database", "postgres:// URL; SQLite in the data folder when empty", "", func(c *Config) *string { return &c.Database })),
		text("database-schema", "PostgreSQL schema", "", func(c *Config) *string { return &c.Schema }),
		text("tls-cert", "PEM file of the certificate", "", func(c *Config) *string { return &c.TLSCert }),
		text("tls-key", "PEM file of the certificate's key", "", func(c *Config) *string { return &c.TLSKey }),
		flag("behind-proxy", "a proxy of ours ends TLS before this server", func(c *Config) *bool { return &c.BehindProxy }),
		text("url", "where people reach this server", "", func(c *Config) *string { return &c.URL }),
		networks("webhook-allow", "private networks that webhooks may reach, with commas between", func(c *Config) *[]netip.Prefix { return &c.WebhookAllow }),
		number("account-rate", "requests per second of one account; 0 for no limit", 2000, func(c *Config) *int { return &c.AccountRate }),
		number("stranger-rate", "requests per second of one address by nobody known; 0 for no limit", 25, func(c *Config) *int { return &c.StrangerRate }),
		number("ballast", "MiB kept on disk, to be freed when it is full", 64, func(c *Config) *int { return &c.Ballast }),
		{Name: "log-level", Usage: "debug, info, warn or error", Default: "info",
			set: func(c *Config, s string) error { return c.LogLevel.UnmarshalText([]byte(s)) },
			get: func(c *Config) string { return strings.ToLower(c.LogLevel.String()) }},
	}
}

func text(name, usage, value string, at func(*Config) *string) Key {
	return Key{Name: name, Usage: usage, Default: value, get: func(c *Config) string { return *at(c) },
		set: func(c *Config, s string) error { *at(c) = s; return nil }}
}

func hidden(k Key) Key { k.Secret = true; return k }

func flag(name, usage string, at func(*Config) *bool) Key {
	return Key{Name: name, Usage: usage, Default: "false", Switch: true, get: func(c *Config) string { return strconv.FormatBool(*at(c)) },
		set: func(c *Config, s string) (err error) { *at(c), err = strconv.ParseBool(s); return err }}
}

func number(name, usage string, value int, at func(*Config) *int) Key {
	return Key{Name: name, Usage: usage, Default: strconv.Itoa(value), get: func(c *Config) string { return strconv.Itoa(*at(c)) },
		set: func(c *Config, s string) error {
			n, err := strconv.Atoi(s)
			if err == nil && n < 0 {
				err = strconv.ErrRange
			}
			*at(c) = n
			return err
		}}
}

func networks(name, usage string, at func(*Config) *[]netip.Prefix) Key {
	return Key{Name: name, Usage: usage, get: func(c *Config) string { return strings.Trim(fmt.Sprint(*at(c)), "[]") },
		set: func(c *Config, s string) error {
			var list []netip.Prefix
			for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
				p, err := netip.ParsePrefix(part)
				if err != nil {
					return err
				}
				list = append(list, p)
			}
			*at(c) = list
			return nil
		}}
}

// Default is the configuration before anybody said anything.
func Default() Config {
	var c Config
	for _, k := range Keys() {
		_ = k.set(&c, k.Default) // the table's own values are well-formed; a test holds them to it
	}
	return c
}

// Set sets one key by its name. An unknown key and a value that does not fit are refused.
func (c *Config) Set(name, value string) error {
	for _, k := range Keys() {
		if k.Name != name {
			continue
		}
		if err := k.set(c, value); err != nil {
			return fault.New(fault.Invalid, "bad_setting", "The value of %s does not fit.", name).From(err).Then("plumb serve --help")
		}
		return nil
	}
	return fault.New(fault.Invalid, "unknown_setting", "There is no setting of that name.").Then("plumb serve --help")
}

// Print writes the settings, secrets as three stars.
func (c Config) Print(w io.Writer) error {
	for _, k := range Keys() {
		value := k.get(&c)
		if k.Secret && value != "" {
			value = "***"
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", k.Name, strconv.Quote(value)); err != nil {
			return err
		}
	}
	return nil
}

// Check refuses settings that do not go together, before anything is opened.
func (c Config) Check() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fault.New(fault.Invalid, "bad_listen", "The address to listen on needs a host and a port.").From(err).
			Then("plumb serve --listen 127.0.0.1:8440")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return fault.New(fault.Invalid, "half_tls", "TLS needs both a certificate and its key.").Then("plumb serve --tls-cert FILE --tls-key FILE")
	}
	if c.TLSCert == "" && !c.BehindProxy && !loopback(host) {
		return fault.New(fault.Invalid, "plain_http", "Plain HTTP is served on loopback only; another address needs TLS.").
			FixedBy("the operator of the server").Then("plumb serve --tls-cert FILE --tls-key FILE, or --behind-proxy where a proxy of yours ends TLS")
	}
	if c.Data == "" {
		return fault.New(fault.Invalid, "no_data_folder", "The server needs a data folder.").Then("plumb serve --data DIR")
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "") {
		return fault.New(fault.Invalid, "bad_url", "The server's URL is not one that people can open.").Then("plumb serve --url https://plumb.example.com")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
