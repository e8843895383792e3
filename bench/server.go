package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// office is one running server with a company, asked over HTTP like any client does.
type office struct {
	url     string
	dir     string
	cmd     *exec.Cmd
	http    *http.Client
	bearers map[string]string // username → session
	people  map[string]string // username → person id
	ready   time.Duration
}

const password = "copper lantern meadow 42"

// startServer starts the built program on a folder and waits until it says that it is ready.
func startServer(ctx context.Context, e *env, dir string) (*office, error) {
	return startOn(ctx, e, dir, 0)
}

// startOn is startServer on a disk whose every sync takes so much longer.
func startOn(ctx context.Context, e *env, dir string, delay time.Duration) (*office, error) {
	o := &office{dir: dir, http: httpClient(), bearers: map[string]string{}, people: map[string]string{}}
	ready := filepath.Join(dir, "ready.json")
	_ = os.Remove(ready)
	var err error
	o.cmd, err = slowly(ctx, delay, e.plumb, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--ready-file", ready,
		"--account-rate", "0", "--stranger-rate", "0", "--ballast", "0", "--log-level", "error")
	if err != nil {
		return nil, err
	}
	o.cmd.Stderr = os.Stderr
	begin := time.Now()
	if err := o.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w (make build)", e.plumb, err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		var r struct {
			URL  string         `json:"url"`
			Rest jsontext.Value `json:",inline"`
		}
		if b, err := os.ReadFile(ready); err == nil && json.Unmarshal(b, &r) == nil {
			o.url, o.ready = r.URL+"/api/v1", time.Since(begin)
			return o, nil
		}
		if time.Since(begin) > time.Minute {
			return nil, errors.New("the server is not ready after a minute")
		}
	}
	return nil, errors.New("unreachable")
}

func (o *office) stop() {
	if o == nil || o.cmd == nil {
		return
	}
	_ = o.cmd.Process.Signal(os.Interrupt)
	_ = o.cmd.Wait()
}

// rss reads the resident memory of the server, in MiB.
func (o *office) rss() (float64, error) { return o.status("VmRSS") }

// status reads one of the sizes that the system keeps of the server, in MiB.
func (o *office) status(name string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name+":" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no " + name)
}

// ticks is how many of its units /proc counts a second.
const ticks = 100

// processor reads the processor time that the server has had.
func (o *office) processor() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name before it may hold blanks
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, errors.New("no processor time in /proc")
	}
	user, err := strconv.ParseInt(f[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticks, err
}

// setUp holds the ceremony and signs the needed people in.
func (o *office) setUp(ctx context.Context) error {
	code, err := os.ReadFile(filepath.Join(o.dir, "setup-code"))
	if err != nil {
		return err
	}
	type member struct {
		Name     string   `json:"name"`
		Email    string   `json:"email"`
		Username string   `json:"username"`
		Password string   `json:"password,omitempty"`
		Roles    []string `json:"roles"`
	}
	roles := map[string][]string{"olga": {}, "otto": {}, "sam": {"security-lead"}, "sally": {"security-lead"}, "erin": {"engineering-lead"},
		"emil": {"engineering-lead"}, "dora": {"devops-lead"}, "dirk": {"devops-lead"}, "ian": {"it-manager"}, "ida": {"it-manager"}, "ann": {}, "ivo": {"implementer"}, "pia": {"implementer"}}
	var people []member
	for name, r := range roles {
		m := member{Name: name, Email: name + "@example.com", Username: name, Roles: r}
		if slices.Contains(signedIn, name) {
			m.Password = password
		}
		people = append(people, m)
	}
	var out struct {
		People map[string]string `json:"people"`
		Rest   jsontext.Value    `json:",inline"`
	}
	if err := o.call(ctx, "", "POST", "/setup", nil, map[string]any{"code": strings.TrimSpace(string(code)), "company": "Bench", "zone": "UTC",
		"officers": []string{"olga", "otto"}, "people": people}, &out); err != nil {
		return err
	}
	o.people = out.People
	return o.signIn(ctx)
}

// signedIn are the people who act.
var signedIn = []string{"sam", "erin", "ann", "ivo", "olga"}

func (o *office) signIn(ctx context.Context) error {
	for _, name := range signedIn {
		var in struct {
			Token string         `json:"token"`
			Rest  jsontext.Value `json:",inline"`
		}
		if err := o.call(ctx, "", "POST", "/login", nil, map[string]any{"username": name, "password": password}, &in); err != nil {
			return err
		}
		o.bearers[name] = in.Token
	}
	return nil
}

// call makes one request and asks for success; an io.Writer takes the answer as it is.
func (o *office) call(ctx context.Context, who, method, path string, header map[string]string, body, into any) error {
	raw, isBytes := body.([]byte)
	if !isBytes && body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, o.url+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if !isBytes {
		req.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+o.bearers[who])
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := o.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	switch into := into.(type) {
	case nil:
		return nil
	case io.Writer:
		_, err = into.Write(answer)
		return err
	}
	return json.Unmarshal(answer, into)
}
