// Package docker reads what one Docker Engine runs: the engine itself, its containers, images, networks and volumes. It only
// asks with GET. A container's environment is taken for secret: it comes out as names and keyed digests.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Limits of one reading.
const (
	maxAnswer = 32 << 20
	maxWait   = time.Minute
	maxThings = 50_000
)

// version is the oldest API in which everything that is read here has its form: Docker 19.03.
const version = "/v1.40"

// Kind is this kind of source.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "docker", Title: "Docker Engine", Mapper: 2, Absence: true, Every: 5 * time.Minute,
		Settings: []inventory.Setting{
			{Key: "socket", Help: "path of the engine's socket on this machine, such as /var/run/docker.sock"},
			{Key: "url", Help: "address of the engine's API over HTTPS, such as that of a proxy that lets only GET through"},
			{Key: "token", Help: "bearer token for that address", Secret: true},
		},
		Rules: []inventory.AttrRule{
			{Type: "docker_container", Path: "privileged", Kind: inventory.Security},
			{Type: "docker_container", Path: "cap_add", Kind: inventory.Security},
			{Type: "docker_container", Path: "security_opt", Kind: inventory.Security},
			{Type: "docker_container", Path: "user", Kind: inventory.Security},
			{Type: "docker_container", Path: "binds", Kind: inventory.Security},
			{Type: "docker_container", Path: "ports", Kind: inventory.Security},
			{Type: "docker_container", Path: "network_mode", Kind: inventory.Security},
			{Type: "docker_container", Path: "pid_mode", Kind: inventory.Security},
			{Type: "docker_container", Path: "state", Kind: inventory.State},
			{Type: "docker_engine", Path: "security_options", Kind: inventory.Security},
			{Type: "docker_image", Path: "tags", Kind: inventory.State},
			{Type: "*", Path: "created", Kind: inventory.Identity},
		},
		Open: func(in inventory.Input) (inventory.Source, error) { return open(in) },
	}
}

// source is one reading of one engine.
type source struct {
	in   inventory.Input
	base string
	http *http.Client
	// the engine's own id, once it is known: the scope of all
	engine string
}

func open(in inventory.Input) (*source, error) {
	socket, text := in.Settings["socket"], in.Settings["url"]
	switch {
	case (socket == "") == (text == ""):
		return nil, connect.BadSetting("socket", "or url is needed, and not both")
	case socket != "" && !strings.HasPrefix(socket, "/"):
		return nil, connect.BadSetting("socket", "is no absolute path")
	case socket != "":
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: maxWait}).DialContext(ctx, "unix", socket)
		}
		transport := &http.Transport{DialContext: dial, ResponseHeaderTimeout: maxWait, MaxResponseHeaderBytes: 1 << 20, IdleConnTimeout: maxWait}
		return &source{in: in, base: "http://engine", http: connect.Client(transport, maxWait, maxAnswer)}, nil
	}
	at, err := connect.Endpoint("url", text)
	if err != nil {
		return nil, err
	}
	return &source{in: in, base: strings.TrimSuffix(at.String(), "/"), http: connect.Client(nil, maxWait, maxAnswer)}, nil
}

// get asks one question and reads the answer.
func (s *source) get(ctx context.Context, what, path string, query url.Values, into any) error {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+version+path+"?"+query.Encode(), nil)
	if err != nil {
		return connect.BadSetting("url", "is no address")
	}
	if token := s.in.Settings["token"]; token != "" {
		ask.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := s.http.Do(ask)
	if err != nil {
		return connect.Unreadable(what, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return &status{connect.Status(what, answer.StatusCode), answer.StatusCode}
	}
	if err := json.UnmarshalRead(answer.Body, into); err != nil {
		return connect.Unreadable(what, err)
	}
	return nil
}

// status is a refusal with the engine's own status.
type status struct {
	error
	code int
}

// Unwrap gives the refusal.
func (s *status) Unwrap() error { return s.error }

// looks are the types of thing that an engine is asked for one by one, each with where. An image may be kept without being listed.
var looks = map[string]string{"docker_container": "/containers/%s/json", "docker_network": "/networks/%s", "docker_volume": "/volumes/%s"}

// Look asks for one thing by its id.
func (s *source) Look(ctx context.Context, r inventory.Record) (inventory.Sight, error) {
	at, ok := looks[r.Type]
	if !ok || r.Scope != s.engine {
		return inventory.Unasked, nil
	}
	var its struct{}
	err := s.get(ctx, "one thing", fmt.Sprintf(at, url.PathEscape(r.Native)), nil, &its)
	if gone := (*status)(nil); errors.As(err, &gone) && gone.code == http.StatusNotFound {
		return inventory.NotThere, nil
	}
	if err != nil {
		return inventory.Unsure, err
	}
	return inventory.There, nil
}

// Collect emits the engine and what it holds.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	defer s.http.CloseIdleConnections()
	var e engine
	if err := s.get(ctx, "the engine", "/info", nil, &e); err != nil {
		return err
	}
	if e.ID == "" {
		return connect.BadDocument("the engine gives no id of its own")
	}
	s.engine = e.ID
	out := func(r inventory.Record) error {
		r.Scope = s.engine
		return emit(r)
	}
	if err := out(e.record()); err != nil {
		return err
	}
	for _, read := range []func(context.Context, func(inventory.Record) error) error{s.images, s.containers, s.networks, s.volumes} {
		if err := read(ctx, out); err != nil {
			return err
		}
	}
	return ctx.Err()
}
