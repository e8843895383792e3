// Package snmp reads network devices and hosts over SNMP: what they are, their interfaces, what is installed, what is
// plugged in beside them (LLDP), and whether they answer to the communities that everybody knows.
package snmp

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/lldp"
	"plumbline.dev/plumb/internal/inventory"
)

// Kind is a list of devices. A device that does not answer is silent, not gone.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "snmp", Title: "SNMP devices", Mapper: 1, Every: time.Hour,
		Settings: []inventory.Setting{
			{Key: "targets", Help: "hosts or host:port, divided by commas", Required: true},
			{Key: "version", Help: "3 or 2c", Default: "3"},
			{Key: "community", Help: "the community of version 2c", Secret: true},
			{Key: "user", Help: "the user of version 3"},
			{Key: "auth_protocol", Help: "sha, sha256, sha384 or sha512", Default: "sha256"},
			{Key: "auth_password", Help: "with which the user signs", Secret: true},
			{Key: "privacy_protocol", Help: "aes, aes192 or aes256", Default: "aes"},
			{Key: "privacy_password", Help: "with which the user encrypts", Secret: true},
			{Key: "try_defaults", Help: "no leaves out asking with the communities public and private", Default: "yes"},
		},
		Rules: append(lldp.Rules("snmp_device"),
			inventory.AttrRule{Type: "snmp_device", Path: "snmp.*", Kind: inventory.Security},
			inventory.AttrRule{Type: "snmp_device", Path: "interface.*.oper", Kind: inventory.State},
		),
		Open: open,
	}
}

// Bounds of one device.
const (
	answerTime = 3 * time.Second
	retries    = 2
	maxTargets = 1000
	maxRows    = 15_000 // of one table
)

type source struct {
	targets  []string
	set      map[string]string
	v3       bool
	defaults bool
}

func open(in inventory.Input) (inventory.Source, error) {
	s := &source{targets: connect.List(in.Settings["targets"]), set: in.Settings}
	if len(s.targets) == 0 || len(s.targets) > maxTargets {
		return nil, connect.BadSetting("targets", "names between 1 and 1,000 hosts")
	}
	var ok bool
	if s.defaults, ok = connect.Yes(in.Settings["try_defaults"]); !ok {
		return nil, connect.BadSetting("try_defaults", "is yes or no")
	}
	switch in.Settings["version"] {
	case "2c":
		if in.Settings["community"] == "" {
			return nil, connect.BadSetting("community", "is needed for version 2c")
		}
	case "3":
		s.v3 = true
		if _, err := s.user(); err != nil {
			return nil, err
		}
	default:
		return nil, connect.BadSetting("version", "is 3 or 2c")
	}
	return s, nil
}

// user gives the credentials of version 3: always signed and encrypted.
func (s *source) user() (*gosnmp.UsmSecurityParameters, error) {
	auth := map[string]gosnmp.SnmpV3AuthProtocol{"sha": gosnmp.SHA, "sha256": gosnmp.SHA256, "sha384": gosnmp.SHA384, "sha512": gosnmp.SHA512}[s.set["auth_protocol"]]
	priv := map[string]gosnmp.SnmpV3PrivProtocol{"aes": gosnmp.AES, "aes192": gosnmp.AES192, "aes256": gosnmp.AES256}[s.set["privacy_protocol"]]
	switch {
	case s.set["user"] == "":
		return nil, connect.BadSetting("user", "is needed for version 3")
	case auth == 0:
		return nil, connect.BadSetting("auth_protocol", "is sha, sha256, sha384 or sha512")
	case priv == 0:
		return nil, connect.BadSetting("privacy_protocol", "is aes, aes192 or aes256")
	case len(s.set["auth_password"]) < 8 || len(s.set["privacy_password"]) < 8: // RFC 3414 11.2
		return nil, connect.BadSetting("auth_password", "and privacy_password have at least 8 characters")
	}
	return &gosnmp.UsmSecurityParameters{UserName: s.set["user"], AuthenticationProtocol: auth, AuthenticationPassphrase: s.set["auth_password"],
		PrivacyProtocol: priv, PrivacyPassphrase: s.set["privacy_password"]}, nil
}

// dial makes the client of one target. Nothing is sent by it yet.
func (s *source) dial(ctx context.Context, target, community string) (*gosnmp.GoSNMP, error) {
	host, portText, err := net.SplitHostPort(connect.Address(target, "161"))
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	g := &gosnmp.GoSNMP{Target: host, Port: uint16(port), Transport: "udp", Version: gosnmp.Version2c, Community: community, Context: ctx,
		Timeout: answerTime, Retries: retries, MaxOids: gosnmp.MaxOids, MaxRepetitions: 25}
	if community == "" && s.v3 {
		user, err := s.user()
		if err != nil {
			return nil, err
		}
		g.Version, g.SecurityModel, g.MsgFlags, g.SecurityParameters = gosnmp.Version3, gosnmp.UserSecurityModel, gosnmp.AuthPriv, user
	} else if community == "" {
		g.Community = s.set["community"]
	}
	return g, g.Connect()
}

// Collect reads every target. One that cannot be read is named in the error after the others were read: what it has is
// emitted whole or not at all.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	var mute []string
	var cause error
	for _, target := range s.targets {
		r, err := s.device(ctx, target)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			mute, cause = append(mute, target), err
			continue
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	if len(mute) == 0 {
		return nil
	}
	if len(mute) > 5 {
		mute = append(mute[:5], "…")
	}
	return connect.Unreadable(strings.Join(mute, ", "), cause)
}

func (s *source) device(ctx context.Context, target string) (inventory.Record, error) {
	g, err := s.dial(ctx, target, "")
	if err != nil {
		return inventory.Record{}, err
	}
	defer g.Close()
	r, err := describe(g, target)
	if err != nil {
		return r, err
	}
	r.Attrs["snmp.version"] = inventory.Text(s.set["version"])
	if s.defaults {
		var known []string
		for _, c := range []string{"public", "private"} {
			if s.answers(ctx, target, c) {
				known = append(known, c)
			}
		}
		r.Attrs["snmp.default_community"] = inventory.Set(known...)
	}
	return r, nil
}

// answers reports whether a target answers to a community that vendors preset.
func (s *source) answers(ctx context.Context, target, community string) bool {
	g, err := s.dial(ctx, target, community)
	if err != nil {
		return false
	}
	defer g.Close()
	g.Timeout = time.Second
	res, err := g.Get([]string{sysObjectID})
	return err == nil && res.Error == gosnmp.NoError && len(res.Variables) == 1
}

// walk reads one column of a table, by index.
func walk(g *gosnmp.GoSNMP, column string, give func(index string, v gosnmp.SnmpPDU)) error {
	n := 0
	err := g.BulkWalk(column, func(v gosnmp.SnmpPDU) error {
		if n++; n > maxRows {
			return errLong
		}
		if index, ok := strings.CutPrefix(strings.TrimPrefix(v.Name, "."), column+"."); ok {
			give(index, v)
		}
		return nil
	})
	if errors.Is(err, errLong) {
		return connect.TooMuch("15,000 rows in one table of a device")
	}
	return err
}

var errLong = errors.New("snmp: the table is longer than is read")
