package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

func read(ctx context.Context, settings map[string]string) (map[string]inventory.Record, error) {
	mask := func(secret string) inventory.Value {
		return inventory.Text("hmac:" + seal.Keyed([]byte("key of the test"), secret))
	}
	s, err := Kind().Open(inventory.Input{Settings: settings, Mask: mask, Digest: mask})
	if err != nil {
		return nil, err
	}
	out := map[string]inventory.Record{}
	return out, s.Collect(ctx, func(r inventory.Record) error {
		key := r.Type + "/" + r.Name
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

// real is a Docker Engine of this machine's packages, with all that is its own in a folder of the test.
type real struct {
	socket string
	http   *http.Client
}

func startEngine(t *testing.T) *real {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "daemon.json")
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &real{socket: filepath.Join(dir, "docker.sock")}
	var log bytes.Buffer
	cmd := exec.CommandContext(context.Background(), "dockerd", "--config-file", config, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--host", "unix://"+e.socket, "--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start dockerd: %v; scripts/setup installs it", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", e.socket)
	}
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	e.http = &http.Client{Transport: transport}
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if answer, err := e.http.Get("http://engine/_ping"); err == nil {
			_ = answer.Body.Close()
			return e
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("dockerd ended: %v\n%s", err, log.String())
		case <-patience.C:
			t.Fatal("dockerd did not answer")
		case <-again.C:
		}
	}
}

// post asks the engine to make something.
func (e *real) post(t *testing.T, path, kind string, body io.Reader, into any) {
	t.Helper()
	answer, err := e.http.Post("http://engine/v1.40"+path, kind, body)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s: %d %s %v", path, answer.StatusCode, b, err)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
}

func (e *real) make(t *testing.T, path string, body any, into any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	e.post(t, path, "application/json", bytes.NewReader(b), into)
}

// furnish imports an image of one file, and makes a network, a volume and a container.
func (e *real) furnish(t *testing.T) (container string) {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	text := "hello"
	if err := w.WriteHeader(&tar.Header{Name: "etc/motd", Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	q := url.Values{"fromSrc": {"-"}, "repo": {"shop/web"}, "tag": {"1.4"}, "changes": {"LABEL environment=test"}}
	e.post(t, "/images/create?"+q.Encode(), "application/x-tar", &layer, nil)
	e.make(t, "/volumes/create", map[string]any{"Name": "data", "Labels": map[string]string{"classification": "confidential"}}, nil)
	var made struct {
		ID string `json:"Id"`
	}
	e.make(t, "/containers/create?name=web", map[string]any{"Image": "shop/web:1.4", "Cmd": []string{"/serve", "--password=canary-in-command"}, "User": "1000",
		"Env": []string{"DB_PASSWORD=canary-in-env", "MODE=fast"}, "Labels": map[string]string{"environment": "production", "owner": "team-web"},
		"HostConfig": map[string]any{"Privileged": true, "CapAdd": []string{"NET_ADMIN"}, "NetworkMode": "none", "Binds": []string{"data:/data"},
			"PortBindings": map[string]any{"8080/tcp": []map[string]string{{"HostIp": "127.0.0.1", "HostPort": "80"}}}}}, &made)
	return made.ID
}

func TestARealEngineIsRead(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	empty, err := read(t.Context(), map[string]string{"socket": e.socket})
	if err != nil {
		t.Fatal(err)
	}
	for key, r := range empty {
		if r.Type != "docker_engine" && r.Type != "docker_network" {
			t.Errorf("an engine with nothing in it has %s", key)
		}
	}
	id := e.furnish(t)
	got, err := read(t.Context(), map[string]string{"socket": e.socket})
	if err != nil {
		t.Fatal(err)
	}
	c, image := got["docker_container/web"], got["docker_image/shop/web:1.4"]
	engine := c.Scope
	if c.Native != id || c.Class != inventory.Container || len(engine) < 10 || image.Labels["environment"] != "test" || got["docker_volume/data"].Labels["classification"] != "confidential" {
		t.Fatalf("%+v", got)
	}
	want := map[string]inventory.Value{"privileged": "true", "cap_add": `["NET_ADMIN"]`, "network_mode": `"none"`, "binds": `["data:/data"]`, "user": `"1000"`,
		"image": `"shop/web:1.4"`, "image_id": inventory.Text(image.Native), "state": `"created"`, "ports": `["127.0.0.1:80->8080/tcp"]`}
	for path, v := range want {
		if c.Attrs[path] != v {
			t.Errorf("%s is %s, want %s", path, c.Attrs[path], v)
		}
	}
	if diff := cmp.Diff(map[string]string{"environment": "prod", "owner": "team-web"}, c.Labels); diff != "" {
		t.Error(diff)
	}
	for _, edge := range []inventory.Link{{Verb: "BUILT_FROM", To: inventory.Identifier{Kind: "image-digest", Value: image.Native}},
		{Verb: "USES", To: inventory.ByRecord("docker_engine", engine)}, {Verb: "USES", To: inventory.ByRecord("docker_volume", "data")}} {
		if !slices.Contains(c.Edges, edge) {
			t.Errorf("no edge %v in %v", edge, c.Edges)
		}
	}
	if c.IDs[0] != (inventory.Identifier{Kind: "engine-id", Value: engine + "/" + id}) || image.IDs[0].Value != image.Native {
		t.Errorf("%v %v", c.IDs, image.IDs)
	}
	if strings.Contains(fmt.Sprintf("%+v", got), "canary") || !strings.Contains(string(c.Attrs["env.DB_PASSWORD"]), "hmac:") {
		t.Error("a secret is in a record")
	}
	again, err := read(t.Context(), map[string]string{"socket": e.socket})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Error(diff)
	}
}

// A thing that a list did not show is asked for by itself, and only the engine's own word that there is no such thing counts.
func TestOneThingIsAskedFor(t *testing.T) {
	t.Parallel()
	code := map[string]int{"/containers/a/json": 200, "/containers/b/json": 404, "/containers/c/json": 500, "/networks/n": 404, "/volumes/v": 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code[strings.TrimPrefix(r.URL.Path, version)])
		_, _ = io.WriteString(w, `{"Id":"x"}`)
	}))
	defer server.Close()
	s, err := open(inventory.Input{Settings: map[string]string{"url": server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	s.engine = "ENGINE"
	for of, want := range map[[3]string]inventory.Sight{
		{"docker_container", "a"}: inventory.There, {"docker_container", "b"}: inventory.NotThere, {"docker_container", "c"}: inventory.Unsure,
		{"docker_network", "n"}: inventory.NotThere, {"docker_volume", "v"}: inventory.There, {"docker_image", "i"}: inventory.Unasked,
		{"docker_container", "b", "another"}: inventory.Unasked,
	} {
		got, err := s.Look(t.Context(), inventory.Record{Type: of[0], Native: of[1], Scope: "ENGINE" + of[2]})
		if got != want || (err != nil) != (want == inventory.Unsure) {
			t.Errorf("%v: %v, %v, want %v", of, got, err, want)
		}
	}
}

// An engine that breaks off half-way is no reading.
func TestAnEngineThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"/info": `{"ID":"ENGINE","Name":"h"}`, "/images/json": `[]`, "/containers/json": `[{"Id":"a"},{"Id":"b"}]`,
		"/containers/a/json": `{"Id":"a","Name":"/a"}`, "/containers/b/json": `{"Id":"b","Name":"/b"}`, "/networks": `[]`, "/volumes": `{"Volumes":null}`}
	for broken := range answers {
		for _, how := range []string{"status", "cut", "garbage"} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path := strings.TrimPrefix(r.URL.Path, version)
				switch {
				case path != broken:
					_, _ = io.WriteString(w, answers[path])
				case how == "status":
					w.WriteHeader(http.StatusInternalServerError)
				case how == "cut":
					w.Header().Set("Content-Length", "1000")
					_, _ = io.WriteString(w, answers[path])
				default:
					_, _ = io.WriteString(w, answers[path]+"canary")
				}
			}))
			_, err := read(t.Context(), map[string]string{"url": server.URL, "token": "canary-token"})
			if codeOf(err) != "not_readable" || strings.Contains(fmt.Sprintf("%+v", err), "canary") {
				t.Errorf("%s, %s: %v", broken, how, err)
			}
			server.Close()
		}
	}
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, version)
		if path == "/containers/a/json" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, answers[path])
	}))
	defer gone.Close()
	if got, err := read(t.Context(), map[string]string{"url": gone.URL}); err != nil || len(got) != 2 {
		t.Errorf("a container that ended meanwhile: %v %v", got, err)
	}
}

func TestAnEngineIsReachedByOneWay(t *testing.T) {
	t.Parallel()
	for _, settings := range []map[string]string{{}, {"socket": "/x", "url": "https://x"}, {"socket": "relative"}, {"url": "http://far.example.com"}} {
		if _, err := read(t.Context(), settings); codeOf(err) != "bad_setting" {
			t.Errorf("%v: %v", settings, err)
		}
	}
	if _, err := read(t.Context(), map[string]string{"socket": filepath.Join(t.TempDir(), "none")}); codeOf(err) != "not_readable" {
		t.Error(err)
	}
}
