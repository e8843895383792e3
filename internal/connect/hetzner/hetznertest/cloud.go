// Package hetznertest is a Hetzner Cloud of one project for tests, on loopback. Its answers have the types of the vendor's own
// library; it knows tokens, pages and limits, and servers can be made, changed and taken away.
package hetznertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// Things is what a project holds.
type Things struct {
	Servers       []schema.Server
	Images        []schema.Image
	Volumes       []schema.Volume
	Networks      []schema.Network
	Firewalls     []schema.Firewall
	LoadBalancers []schema.LoadBalancer
	PrimaryIPs    []schema.PrimaryIP
	FloatingIPs   []schema.FloatingIP
	SSHKeys       []schema.SSHKey
	Zones         []schema.Zone
}

// Cloud is a running project.
type Cloud struct {
	URL   string // of the API, with its version
	Token string

	mu     sync.Mutex
	things Things
	last   int64 // id given last
	calls  int
	refuse func(path string, call int) (status int, code string)
}

// Start runs a project until the test ends.
func Start(t testing.TB) *Cloud {
	t.Helper()
	c := &Cloud{Token: "canary-hetzner-token-7f3a9c", last: 4000}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/servers/{id}", c.server)
	mux.HandleFunc("PUT /v1/servers/{id}", c.server)
	mux.HandleFunc("DELETE /v1/servers/{id}", c.server)
	mux.HandleFunc("POST /v1/servers", c.create)
	mux.HandleFunc("GET /v1/{kind}/{id}", c.one)
	mux.HandleFunc("GET /v1/{kind}", c.list)
	s := httptest.NewServer(c.guard(mux))
	t.Cleanup(s.Close)
	c.URL = s.URL + "/v1"
	return c
}

// Edit changes what is there, past the API.
func (c *Cloud) Edit(f func(*Things)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.things)
}

// Refuse decides which calls fail, counted from 1; status 0 lets a call pass.
func (c *Cloud) Refuse(f func(path string, call int) (status int, code string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls, c.refuse = 0, f
}

func (c *Cloud) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls++
		w.Header().Set("RateLimit-Limit", "3600")
		w.Header().Set("RateLimit-Remaining", strconv.Itoa(max(0, 3600-c.calls)))
		if r.Header.Get("Authorization") != "Bearer "+c.Token {
			fail(w, http.StatusUnauthorized, "unauthorized")
			return
		}
		if c.refuse != nil {
			if status, code := c.refuse(r.URL.Path, c.calls); status != 0 {
				fail(w, status, code)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func fail(w http.ResponseWriter, status int, code string) {
	answer(w, status, map[string]any{"error": map[string]any{"code": code, "message": "refused by the test's cloud"}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, v)
}

func (c *Cloud) list(w http.ResponseWriter, r *http.Request) {
	t := &c.things
	switch kind := r.PathValue("kind"); kind {
	case "servers":
		page(w, r, kind, t.Servers)
	case "images":
		types := r.URL.Query()["type"]
		page(w, r, kind, slices.DeleteFunc(slices.Clone(t.Images), func(i schema.Image) bool { return len(types) > 0 && !slices.Contains(types, i.Type) }))
	case "volumes":
		page(w, r, kind, t.Volumes)
	case "networks":
		page(w, r, kind, t.Networks)
	case "firewalls":
		page(w, r, kind, t.Firewalls)
	case "load_balancers":
		page(w, r, kind, t.LoadBalancers)
	case "primary_ips":
		page(w, r, kind, t.PrimaryIPs)
	case "floating_ips":
		page(w, r, kind, t.FloatingIPs)
	case "ssh_keys":
		page(w, r, kind, t.SSHKeys)
	case "zones":
		page(w, r, kind, t.Zones)
	default:
		fail(w, http.StatusNotFound, "not_found")
	}
}

// one answers with one thing that is no server.
func (c *Cloud) one(w http.ResponseWriter, r *http.Request) {
	t := &c.things
	n, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	switch r.PathValue("kind") {
	case "images":
		pick(w, "image", t.Images, func(v schema.Image) bool { return v.ID == n })
	case "volumes":
		pick(w, "volume", t.Volumes, func(v schema.Volume) bool { return v.ID == n })
	case "networks":
		pick(w, "network", t.Networks, func(v schema.Network) bool { return v.ID == n })
	case "firewalls":
		pick(w, "firewall", t.Firewalls, func(v schema.Firewall) bool { return v.ID == n })
	case "load_balancers":
		pick(w, "load_balancer", t.LoadBalancers, func(v schema.LoadBalancer) bool { return v.ID == n })
	case "primary_ips":
		pick(w, "primary_ip", t.PrimaryIPs, func(v schema.PrimaryIP) bool { return v.ID == n })
	case "floating_ips":
		pick(w, "floating_ip", t.FloatingIPs, func(v schema.FloatingIP) bool { return v.ID == n })
	case "ssh_keys":
		pick(w, "ssh_key", t.SSHKeys, func(v schema.SSHKey) bool { return v.ID == n })
	case "zones":
		pick(w, "zone", t.Zones, func(v schema.Zone) bool { return v.ID == n })
	default:
		fail(w, http.StatusNotFound, "not_found")
	}
}

// pick answers with the thing that fits.
func pick[T any](w http.ResponseWriter, name string, all []T, fits func(T) bool) {
	i := slices.IndexFunc(all, fits)
	if i < 0 {
		fail(w, http.StatusNotFound, "not_found")
		return
	}
	answer(w, http.StatusOK, map[string]any{name: all[i]})
}

// page answers one page, of at most 50 things.
func page[T any](w http.ResponseWriter, r *http.Request, kind string, all []T) {
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	at, per := number("page", 1), min(number("per_page", 25), 50)
	last := max(1, (len(all)+per-1)/per)
	from, to := min((at-1)*per, len(all)), min(at*per, len(all))
	m := schema.MetaPagination{Page: at, PerPage: per, LastPage: last, TotalEntries: len(all)}
	if at > 1 {
		m.PreviousPage = at - 1
	}
	if at < last {
		m.NextPage = at + 1
	}
	answer(w, http.StatusOK, map[string]any{kind: all[from:to], "meta": schema.Meta{Pagination: &m}})
}

func (c *Cloud) server(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	i := slices.IndexFunc(c.things.Servers, func(s schema.Server) bool { return s.ID == id })
	if i < 0 {
		fail(w, http.StatusNotFound, "not_found")
		return
	}
	switch r.Method {
	case http.MethodPut:
		var ask schema.ServerUpdateRequest
		if json.UnmarshalRead(r.Body, &ask) != nil {
			fail(w, http.StatusUnprocessableEntity, "invalid_input")
			return
		}
		if ask.Name != "" {
			c.things.Servers[i].Name = ask.Name
		}
		if ask.Labels != nil {
			c.things.Servers[i].Labels = *ask.Labels
		}
	case http.MethodDelete:
		c.things.Servers = slices.Delete(c.things.Servers, i, i+1)
		answer(w, http.StatusOK, schema.ServerDeleteResponse{Action: done(id)})
		return
	}
	answer(w, http.StatusOK, schema.ServerGetResponse{Server: c.things.Servers[i]})
}

func (c *Cloud) create(w http.ResponseWriter, r *http.Request) {
	var ask schema.ServerCreateRequest
	if json.UnmarshalRead(r.Body, &ask) != nil || ask.Name == "" {
		fail(w, http.StatusUnprocessableEntity, "invalid_input")
		return
	}
	c.last++
	s := schema.Server{ID: c.last, Name: ask.Name, Status: "running", Created: time.Date(2026, 1, 2, 20, 0, 0, 0, time.UTC), PrimaryDiskSize: 40,
		ServerType: schema.ServerType{ID: 1, Name: ask.ServerType.Name, Architecture: "x86"}, Location: schema.Location{ID: 1, Name: ask.Location},
		Image:     &schema.Image{ID: 7, Type: "system", Status: "available", Name: &ask.Image.Name, OSFlavor: strings.Split(ask.Image.Name, "-")[0]},
		PublicNet: schema.ServerPublicNet{IPv4: schema.ServerPublicNetIPv4{ID: c.last + 1e6, IP: "192.0.2." + strconv.FormatInt(c.last%250+1, 10)}}}
	if ask.Labels != nil {
		s.Labels = *ask.Labels
	}
	c.things.Servers = append(c.things.Servers, s)
	answer(w, http.StatusCreated, schema.ServerCreateResponse{Server: s, Action: done(s.ID), NextActions: []schema.Action{}})
}

func done(id int64) schema.Action {
	return schema.Action{ID: id + 1e7, Status: "success", Progress: 100, Resources: []schema.ActionResourceReference{{ID: id, Type: "server"}}}
}
