package hetzner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"

	"plumbline.dev/plumb/internal/connect/hetzner/hetznertest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// read collects a project; between tries it does not wait.
func read(ctx context.Context, c *hetznertest.Cloud, token string) (map[string]inventory.Record, error) {
	s, err := open(inventory.Input{Settings: map[string]string{"project": "shop", "token": token, "endpoint": c.URL}}, func(int) time.Duration { return 0 })
	if err != nil {
		return nil, err
	}
	out := map[string]inventory.Record{}
	return out, s.Collect(ctx, func(r inventory.Record) error {
		key := r.Type + "/" + r.Native
		if _, twice := out[key]; twice {
			return fmt.Errorf("%s came twice", key)
		}
		out[key] = r
		return nil
	})
}

func codeOf(err error) string {
	if own := (*fault.Error)(nil); errors.As(err, &own) {
		return own.Code
	}
	return ""
}

func to[T any](v T) *T { return &v }

// furnished is a project with one thing of each type, and many servers.
func furnished(t *testing.T, servers int) *hetznertest.Cloud {
	c := hetznertest.Start(t)
	system := schema.Image{ID: 7, Type: "system", Status: "available", Name: to("debian-12"), OSFlavor: "debian", Architecture: "x86"}
	c.Edit(func(have *hetznertest.Things) {
		for i := range servers {
			have.Servers = append(have.Servers, schema.Server{ID: int64(100 + i), Name: fmt.Sprintf("Web-%d", i), Status: "running", Image: &system,
				Labels: map[string]string{"env": "production", "owner": "team-web"}, Volumes: []int64{200}, ServerType: schema.ServerType{Name: "cx22"},
				OutgoingTraffic: to(uint64(i)), Location: schema.Location{Name: "fsn1"},
				PublicNet: schema.ServerPublicNet{IPv4: schema.ServerPublicNetIPv4{ID: 1, IP: fmt.Sprintf("198.51.100.%d", i%250)},
					Firewalls: []schema.ServerFirewall{{ID: 400, Status: "applied"}}},
				PrivateNet: []schema.ServerPrivateNet{{Network: 300, IP: "10.0.0.9", AliasIPs: []string{"10.0.0.8"}, MACAddress: "86:00:00:AA:BB:CC"}}})
		}
		have.Images = []schema.Image{{ID: 8, Type: "snapshot", Status: "available", Description: "before the upgrade", CreatedFrom: &schema.ImageCreatedFrom{ID: 100}}, system,
			{ID: 9, Type: "system", Name: to("nobody-uses-it")}}
		have.Volumes = []schema.Volume{{ID: 200, Name: "data", Size: 10, Server: to(int64(100)), Location: schema.Location{Name: "fsn1"}}}
		have.Networks = []schema.Network{{ID: 300, Name: "inside", IPRange: "10.0.0.0/16", Subnets: []schema.NetworkSubnet{{Type: "cloud", IPRange: "10.0.0.0/24", NetworkZone: "eu-central"}}}}
		have.Firewalls = []schema.Firewall{{ID: 400, Name: "web", Rules: []schema.FirewallRule{
			{Direction: "in", Protocol: "tcp", Port: to("443"), SourceIPs: []string{"::/0", "0.0.0.0/0"}},
			{Direction: "in", Protocol: "icmp", SourceIPs: []string{"10.0.0.0/8"}}},
			AppliedTo: []schema.FirewallResource{{Type: "server", Server: &schema.FirewallResourceServer{ID: 100}}}}}
		have.LoadBalancers = []schema.LoadBalancer{{ID: 500, Name: "front", Services: []schema.LoadBalancerService{{Protocol: "tcp", ListenPort: 443, DestinationPort: 8443}},
			Targets: []schema.LoadBalancerTarget{{Type: "server", Server: &schema.LoadBalancerTargetServer{ID: 100}}}}}
		have.PrimaryIPs = []schema.PrimaryIP{{ID: 600, Name: "main", IP: "198.51.100.1", Type: "ipv4", AssigneeID: to(int64(100)), AssigneeType: "server"}}
		have.FloatingIPs = []schema.FloatingIP{{ID: 700, Name: "roaming", IP: "198.51.100.200", Type: "ipv4", Server: to(int64(100))}}
		have.SSHKeys = []schema.SSHKey{{ID: 800, Name: "ada", Fingerprint: "aa:bb", PublicKey: "ssh-ed25519 AAAA ada"}}
		have.Zones = []schema.Zone{{ID: 900, Name: "example.com", Mode: "primary", TTL: 3600, RecordCount: 4}}
	})
	return c
}

func TestEveryTypeOfAProjectBecomesRecordsOverAllPages(t *testing.T) {
	t.Parallel()
	c := furnished(t, 120)
	got, err := read(t.Context(), c, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range got {
		count[r.Type+" "+string(r.Class)]++
		if r.Scope != "shop" || len(r.IDs) == 0 || r.IDs[0].Kind != "cloud-id" || !slices.Contains(inventory.Classes(), r.Class) {
			t.Errorf("%+v", r)
		}
		for _, e := range r.Edges {
			if !slices.Contains(inventory.Verbs(), e.Verb) {
				t.Errorf("%s is no verb", e.Verb)
			}
		}
	}
	want := map[string]int{"hcloud_server Host": 120, "hcloud_image Snapshot": 1, "hcloud_image Image": 1, "hcloud_volume Disk": 1, "hcloud_network Network": 1,
		"hcloud_firewall Firewall": 1, "hcloud_load_balancer Gateway": 1, "hcloud_primary_ip IpAddress": 1, "hcloud_floating_ip IpAddress": 1, "hcloud_ssh_key Key": 1, "hcloud_zone DomainZone": 1}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
	rules := got["hcloud_firewall/400"].Attrs["rules"]
	if rules != inventory.Set("in icmp from 10.0.0.0/8", "in tcp 443 from 0.0.0.0/0, ::/0") {
		t.Error(rules)
	}
}

// A thing that a list did not show is asked for by itself; a cloud that does not answer, or knows the token no more, ends nothing.
func TestOneThingIsAskedFor(t *testing.T) {
	t.Parallel()
	c := furnished(t, 1)
	got, err := read(t.Context(), c, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(inventory.Input{Settings: map[string]string{"project": "shop", "token": c.Token, "endpoint": c.URL}}, func(int) time.Duration { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	all := func(when string, want, system inventory.Sight) {
		t.Helper()
		for key, r := range got {
			want := want
			if r.Class == inventory.Image {
				want = system
			}
			sight, err := s.Look(t.Context(), r)
			if sight != want || (err != nil) != (want == inventory.Unsure) {
				t.Errorf("%s %s is %v, %v, want %v", when, key, sight, err, want)
			}
		}
	}
	all("there,", inventory.There, inventory.Unasked)
	c.Refuse(func(string, int) (int, string) { return http.StatusServiceUnavailable, "unavailable" })
	all("while the cloud does not answer,", inventory.Unsure, inventory.Unasked)
	c.Refuse(func(string, int) (int, string) { return http.StatusForbidden, "forbidden" })
	all("with a token that may not,", inventory.Unsure, inventory.Unasked)
	c.Refuse(nil)
	c.Edit(func(have *hetznertest.Things) { *have = hetznertest.Things{} })
	all("gone,", inventory.NotThere, inventory.Unasked)
}

func TestAServerIsKnownByWhatOtherSourcesKnowItBy(t *testing.T) {
	t.Parallel()
	c := furnished(t, 1)
	all, err := read(t.Context(), c, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	got := all["hcloud_server/100"]
	ids := []inventory.Identifier{{Kind: "cloud-id", Value: "hcloud:server:100"}, {Kind: "hostname", Value: "web-0"}, {Kind: "dmi-serial", Value: "hetzner:100"}, {Kind: "ip", Value: "198.51.100.0"},
		{Kind: "mac", Value: "86:00:00:aa:bb:cc"}, {Kind: "ip", Value: "10.0.0.9"}}
	if diff := cmp.Diff(ids, got.IDs); diff != "" {
		t.Error(diff)
	}
	edges := []inventory.Link{link("BUILT_FROM", "image", 7), link("USES", "volume", 200), link("CONNECTS", "network", 300)}
	if diff := cmp.Diff(edges, got.Edges); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"environment": "prod", "owner": "team-web"}, got.Labels); diff != "" {
		t.Error(diff)
	}
	if got.Attrs["firewalls"] != inventory.Set("400") || got.Attrs["private_ips"] != inventory.Set("10.0.0.8", "10.0.0.9") {
		t.Error(got.Attrs)
	}
}

// What answers the same in another order is the same.
func TestTheSameProjectReadTwiceGivesTheSameRecords(t *testing.T) {
	t.Parallel()
	c := furnished(t, 60)
	first, err := read(t.Context(), c, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	c.Edit(func(have *hetznertest.Things) {
		slices.Reverse(have.Servers)
		slices.Reverse(have.Firewalls[0].Rules)
		slices.Reverse(have.Firewalls[0].Rules[1].SourceIPs)
	})
	again, err := read(t.Context(), c, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
}

// A reading that breaks off anywhere is no reading: what it did not come to is not taken for gone.
func TestAReadingThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"/v1/servers", "/v1/images", "/v1/networks", "/v1/zones"} {
		c := furnished(t, 120)
		c.Refuse(func(path string, call int) (int, string) {
			if path == place && (path != "/v1/servers" || call == 3) { // the last page of the servers
				return http.StatusInternalServerError, "server_error"
			}
			return 0, ""
		})
		if _, err := read(t.Context(), c, c.Token); codeOf(err) != "not_readable" {
			t.Errorf("%s: %v", place, err)
		}
	}
}

func TestAnUnknownOrWeakTokenIsTold(t *testing.T) {
	t.Parallel()
	c := furnished(t, 1)
	if _, err := read(t.Context(), c, "wrong"); codeOf(err) != "not_admitted" {
		t.Error(err)
	}
	c.Refuse(func(path string, _ int) (int, string) {
		if path == "/v1/zones" {
			return http.StatusForbidden, "forbidden"
		}
		return 0, ""
	})
	if _, err := read(t.Context(), c, c.Token); codeOf(err) != "not_admitted" {
		t.Error(err)
	}
}

func TestTheRateLimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := furnished(t, 120)
	c.Refuse(func(_ string, call int) (int, string) {
		if call == 2 || call == 3 || call == 7 {
			return http.StatusTooManyRequests, "rate_limit_exceeded"
		}
		return 0, ""
	})
	got, err := read(t.Context(), c, c.Token)
	if err != nil || len(got) != 130 {
		t.Errorf("%d records, %v", len(got), err)
	}
	c.Refuse(func(string, int) (int, string) { return http.StatusTooManyRequests, "rate_limit_exceeded" })
	if _, err := read(t.Context(), c, c.Token); codeOf(err) != "not_readable" {
		t.Errorf("a limit without end: %v", err)
	}
}

func TestAStoppedReadingEnds(t *testing.T) {
	t.Parallel()
	c := furnished(t, 120)
	ctx, stop := context.WithCancel(t.Context())
	c.Refuse(func(string, int) (int, string) { stop(); return http.StatusTooManyRequests, "rate_limit_exceeded" })
	if _, err := read(ctx, c, c.Token); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTheTokenIsInNoRecordAndNoError(t *testing.T) {
	t.Parallel()
	c := furnished(t, 3)
	got, err := read(t.Context(), c, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%+v", got), "canary") {
		t.Error("the token is in a record")
	}
	c.Refuse(func(string, int) (int, string) { return http.StatusInternalServerError, "canary" })
	if _, err := read(t.Context(), c, c.Token); err == nil || strings.Contains(fmt.Sprintf("%+v", err), "canary") {
		t.Error(err)
	}
}

func TestSettingsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	good := map[string]string{"project": "shop", "token": "x", "endpoint": "https://api.hetzner.cloud/v1"}
	if _, err := Kind().Open(inventory.Input{Settings: good}); err != nil {
		t.Error(err)
	}
	for key, value := range map[string]string{"project": "", "token": "", "endpoint": "http://api.hetzner.cloud/v1"} {
		bad := map[string]string{}
		for k, v := range good {
			bad[k] = v
		}
		bad[key] = value
		if _, err := Kind().Open(inventory.Input{Settings: bad}); codeOf(err) != "bad_setting" {
			t.Errorf("%s: %v", key, err)
		}
	}
}
