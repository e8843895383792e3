//go:build browser

package browser_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/server/servertest"
)

// said is one line that a script tells.
type said struct {
	Kind     string `json:"kind"`
	What     string `json:"what"`
	Detail   string `json:"detail"`
	At       string `json:"at"`
	Path     string `json:"path"`
	Scheme   string `json:"scheme"`
	Bytes    int64  `json:"bytes"`
	Requests int64  `json:"requests"`
	Count    int64  `json:"count"`
}

// script runs one of the scripts beside this file against a server, and fails with every problem that it
// tells. A script that ends without saying that it is done has failed.
func script(t *testing.T, name string, task map[string]any) (all []said) {
	t.Helper()
	if os.Getenv("PLUMB_BROWSER") == "" {
		t.Fatal("no browser to drive: run this by scripts/with-browser")
	}
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", name)
	cmd.Env = append(os.Environ(), "PLUMB_TASK="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var s said
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Log(lines.Text())
			continue
		}
		all = append(all, s)
		switch s.Kind {
		case "problem":
			t.Errorf("%s: %s: %s", s.At, s.What, s.Detail)
		case "step":
			t.Log(s.What)
		case "done":
			done = true
		}
	}
	if err := cmd.Wait(); err != nil || !done {
		t.Errorf("%s did not finish: %v", name, err)
	}
	return all
}

// quiet fails when a browser reported that the content policy stopped something.
func quiet(t *testing.T, s *servertest.Server) {
	t.Helper()
	if figures := s.Browse("").In(t).Get("/metrics").Body; !strings.Contains(figures, "\nplumb_page_reports_total 0\n") {
		t.Errorf("browsers reported that the content policy stopped something, or that is not counted")
	}
}

// shots is where screenshots are kept for people to look at; "" keeps none.
func shots(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PLUMB_SHOTS")
	if dir == "" {
		return ""
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("../../..", dir) // from the module's root, where make runs
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Limits of a page (the first one without anything in the browser's cache).
const (
	maxBytes    = 150 << 10
	maxRequests = 4
)

// Every page can be used by everybody: no violation of WCAG 2.2 AA in either theme, no sideways
// scrolling from 360 px on, within the budget of weight and requests, and nothing that the policy of
// content would have to stop.
func TestEveryPageForEverybody(t *testing.T) {
	s, empty := servertest.Start(t), servertest.Empty(t)
	paths, doors := seed(t, s), []place{{Path: "/setup"}, {Path: "/login"}}
	for _, page := range missed(t, paths, doors) {
		t.Errorf("nobody looks at %s", page)
	}
	if only := os.Getenv("PLUMB_PAGES"); only != "" { // a part of them, while one works on it
		paths = slices.DeleteFunc(paths, func(p place) bool { return !regexp.MustCompile(only).MatchString(p.Path) })
	}
	s.As(servertest.Olga) // sees all of the administration
	for _, x := range script(t, "pages.mjs", map[string]any{"base": s.URL, "name": servertest.Olga, "password": servertest.Password, "pages": paths,
		"empty": empty.URL, "doors": doors, "shots": shots(t), "widths": []int{360, 768, 1440}, "schemes": []string{"light", "dark"}}) {
		if x.Kind == "weight" && (x.Bytes > maxBytes || x.Requests > maxRequests) {
			t.Errorf("%s weighs %d bytes in %d requests; at most %d in %d are allowed", x.Path, x.Bytes, x.Requests, maxBytes, maxRequests)
		}
	}
	quiet(t, s)
}

// From an empty server a company is set up and one change goes from the request to the proof, by clicking,
// its first approval with the keyboard alone; the proof and the evidence that the pages gave out hold
// without the server.
func TestTheWholeJourneyByClicking(t *testing.T) {
	s := servertest.Empty(t)
	dir := t.TempDir()
	script(t, "journey.mjs", map[string]any{"base": s.URL, "code": s.SetupCode(), "password": servertest.Password, "dir": dir})
	quiet(t, s)
	text, err := os.ReadFile(filepath.Join(dir, "event.proof.json"))
	if err != nil {
		t.Fatal(err)
	}
	var in struct {
		Token string `json:"token"`
	}
	s.Nobody().Want(200, "POST", "/login", map[string]any{"username": servertest.Sam, "password": servertest.Password}).Into(&in)
	var keys struct {
		Ledger string `json:"ledger"`
	}
	s.With(in.Token).Want(200, "GET", "/keys", nil).Into(&keys)
	if _, leaf, err := prove.CheckProof(text, keys.Ledger); err != nil || leaf.Object.Type != "change" {
		t.Errorf("the proof that was downloaded does not hold: %v", err)
	}
	f, err := os.Open(filepath.Join(dir, "period.plumb"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := prove.Verify(t.Context(), f, info.Size(), prove.Options{Ledger: keys.Ledger})
	if err != nil || !r.Whole() || r.Kind != "period" {
		t.Errorf("the evidence that was downloaded does not hold: %v %+v", err, r)
	}
}
