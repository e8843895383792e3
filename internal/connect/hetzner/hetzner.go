// Package hetzner reads what is in one project of Hetzner Cloud. It only lists: the token that it is given may be one that
// can do nothing else.
package hetzner

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Limits of one answer. A page holds at most 50 things.
const (
	maxAnswer = 16 << 20
	maxWait   = time.Minute
	retries   = 5
)

// Kind is this kind of source.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "hetzner", Title: "Hetzner Cloud project", Mapper: 2, Absence: true, Every: 15 * time.Minute,
		Settings: []inventory.Setting{
			{Key: "project", Help: "name of the project; its things are told apart by it from another project's", Required: true},
			{Key: "token", Help: "API token of the project that may only read", Required: true, Secret: true},
			{Key: "endpoint", Help: "address of the API", Default: hcloud.Endpoint},
		},
		Rules: []inventory.AttrRule{
			{Type: "hcloud_firewall", Path: "rules", Kind: inventory.Security},
			{Type: "*", Path: "firewalls", Kind: inventory.Security},
			{Type: "hcloud_ssh_key", Path: "*", Kind: inventory.Security},
			{Type: "*", Path: "protection.*", Kind: inventory.Security},
			{Type: "hcloud_server", Path: "rescue_enabled", Kind: inventory.Security},
			{Type: "*", Path: "status", Kind: inventory.State},
			{Type: "*", Path: "locked", Kind: inventory.State},
			{Type: "*", Path: "record_count", Kind: inventory.State},
			{Type: "*", Path: "created", Kind: inventory.Identity},
			{Type: "*", Path: "linux_device", Kind: inventory.Computed},
		},
		Open: func(in inventory.Input) (inventory.Source, error) {
			return open(in, hcloud.ExponentialBackoffWithOpts(hcloud.ExponentialBackoffOpts{Base: time.Second, Multiplier: 2, Cap: maxWait}))
		},
	}
}

// source is one reading of one project.
type source struct {
	scope string
	api   *hcloud.Client
	http  interface{ CloseIdleConnections() }
}

func open(in inventory.Input, backoff hcloud.BackoffFunc) (*source, error) {
	switch {
	case in.Settings["project"] == "":
		return nil, connect.BadSetting("project", "is missing")
	case in.Settings["token"] == "":
		return nil, connect.BadSetting("token", "is missing")
	}
	at, err := connect.Endpoint("endpoint", in.Settings["endpoint"])
	if err != nil {
		return nil, err
	}
	client := connect.Client(nil, maxWait, maxAnswer)
	return &source{scope: in.Settings["project"], http: client, api: hcloud.NewClient(hcloud.WithEndpoint(at.String()), hcloud.WithHetznerEndpoint(at.String()),
		hcloud.WithToken(in.Settings["token"]), hcloud.WithHTTPClient(client), hcloud.WithApplication("plumb", ""),
		hcloud.WithRetryOpts(hcloud.RetryOpts{BackoffFunc: backoff, MaxRetries: retries}))}, nil
}

// Scopes names the project, so that an empty one is known to be empty.
func (s *source) Scopes() []string { return []string{s.scope} }

// step lists the things of one type as records.
type step struct {
	what string
	read func(context.Context) ([]inventory.Record, error)
}

// Collect emits what the project holds. It lists all of a type before it emits the first, and fails where any list does.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	defer s.http.CloseIdleConnections()
	for _, step := range s.steps() {
		list, err := step.read(ctx)
		switch {
		case ctx.Err() != nil: // whatever the library made of it
			return ctx.Err()
		case err != nil:
			return refused(step.what, err)
		}
		for _, r := range list {
			r.Scope = s.scope
			if err := emit(r); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (s *source) steps() []step {
	inUse := map[int64]*hcloud.Image{} // images of Hetzner's that servers were built from: the list of all of them says nothing
	return []step{
		{"servers", func(ctx context.Context) ([]inventory.Record, error) {
			return listed(ctx, s.api.Server.All, func(v *hcloud.Server) inventory.Record {
				if v.Image != nil && v.Image.Type != hcloud.ImageTypeSnapshot && v.Image.Type != hcloud.ImageTypeBackup {
					inUse[v.Image.ID] = v.Image
				}
				return server(v)
			})
		}},
		{"images", func(ctx context.Context) ([]inventory.Record, error) {
			own := hcloud.ImageListOpts{Type: []hcloud.ImageType{hcloud.ImageTypeSnapshot, hcloud.ImageTypeBackup}, IncludeDeprecated: true}
			list := func(ctx context.Context) ([]*hcloud.Image, error) { return s.api.Image.AllWithOpts(ctx, own) }
			out, err := listed(ctx, list, image)
			for _, v := range inUse {
				out = append(out, image(v))
			}
			return out, err
		}},
		stepOf("volumes", s.api.Volume.All, volume),
		stepOf("networks", s.api.Network.All, network),
		stepOf("firewalls", s.api.Firewall.All, firewall),
		stepOf("load balancers", s.api.LoadBalancer.All, loadBalancer),
		stepOf("primary addresses", s.api.PrimaryIP.All, primaryIP),
		stepOf("floating addresses", s.api.FloatingIP.All, floatingIP),
		stepOf("keys", s.api.SSHKey.All, sshKey),
		stepOf("zones", s.api.Zone.All, zone),
	}
}

func stepOf[T any](what string, list func(context.Context) ([]*T, error), record func(*T) inventory.Record) step {
	return step{what, func(ctx context.Context) ([]inventory.Record, error) { return listed(ctx, list, record) }}
}

func listed[T any](ctx context.Context, list func(context.Context) ([]*T, error), record func(*T) inventory.Record) ([]inventory.Record, error) {
	all, err := list(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]inventory.Record, 0, len(all))
	for _, v := range all {
		out = append(out, record(v))
	}
	return out, nil
}

// Look asks for one thing by its number. Of Hetzner's own images only those in use are this project's, which their number does not say.
func (s *source) Look(ctx context.Context, r inventory.Record) (inventory.Sight, error) {
	id, err := strconv.ParseInt(r.Native, 10, 64)
	look, ok := s.looks()[r.Type]
	if err != nil || !ok || r.Type == "hcloud_image" && r.Class != inventory.Snapshot {
		return inventory.Unasked, nil
	}
	there, err := look(ctx, id)
	switch {
	case err != nil:
		return inventory.Unsure, refused("one thing", err)
	case there:
		return inventory.There, nil
	}
	return inventory.NotThere, nil
}

func (s *source) looks() map[string]func(context.Context, int64) (bool, error) {
	return map[string]func(context.Context, int64) (bool, error){
		"hcloud_server": lookOf(s.api.Server.GetByID), "hcloud_image": lookOf(s.api.Image.GetByID), "hcloud_volume": lookOf(s.api.Volume.GetByID),
		"hcloud_network": lookOf(s.api.Network.GetByID), "hcloud_firewall": lookOf(s.api.Firewall.GetByID), "hcloud_load_balancer": lookOf(s.api.LoadBalancer.GetByID),
		"hcloud_primary_ip": lookOf(s.api.PrimaryIP.GetByID), "hcloud_floating_ip": lookOf(s.api.FloatingIP.GetByID), "hcloud_ssh_key": lookOf(s.api.SSHKey.GetByID),
		"hcloud_zone": lookOf(s.api.Zone.GetByID),
	}
}

// lookOf asks the library for one thing, which it gives as nil where there is none.
func lookOf[T any](get func(context.Context, int64) (*T, *hcloud.Response, error)) func(context.Context, int64) (bool, error) {
	return func(ctx context.Context, id int64) (bool, error) {
		v, _, err := get(ctx, id)
		return v != nil, err
	}
}

// refused turns the library's error into a refusal. Its own words hold the address and the answer's text.
func refused(what string, err error) error {
	if hcloud.IsError(err, hcloud.ErrorCodeUnauthorized, hcloud.ErrorCodeForbidden) {
		return connect.NotAdmitted(what)
	}
	if api := (hcloud.Error{}); errors.As(err, &api) && api.Response() != nil {
		return connect.Status(what, api.Response().StatusCode)
	}
	return connect.Unreadable(what, err)
}

// cloudID is the identifier of a thing in every source that knows it.
func cloudID(kind string, id int64) inventory.Identifier {
	return inventory.Identifier{Kind: "cloud-id", Value: "hcloud:" + kind + ":" + strconv.FormatInt(id, 10)}
}

// record begins a record with what all things have.
func record(class inventory.Class, kind string, id int64, name string, labels map[string]string, created time.Time) (inventory.Record, connect.Attrs) {
	a := connect.Attrs{}
	a.Tags("labels", labels)
	if !created.IsZero() {
		a.Text("created", created.UTC().Format(time.RFC3339))
	}
	native := strconv.FormatInt(id, 10)
	if name == "" {
		name = kind + " " + native
	}
	return inventory.Record{Type: "hcloud_" + kind, Class: class, Native: native, Name: name, Attrs: a,
		Labels: connect.Labels(labels), IDs: []inventory.Identifier{cloudID(kind, id)}}, a
}
