package agent_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// liar signs whatever it likes with the key of an agent.
type liar struct {
	t   testing.TB
	c   *client.Client
	key *seal.Key
	id  string
}

func liarWith(t testing.TB, s *servertest.Server, cfg agent.Config, id string) liar {
	t.Helper()
	key, err := seal.OpenKey(filepath.Join(cfg.Dir, "agent.key"), false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return liar{t, c, key, id}
}

// bytes makes a signed message.
func (l liar) bytes(r wire.Report) (body []byte, signature string) {
	l.t.Helper()
	r.V = 1
	body, err := json.Marshal(r)
	if err != nil {
		l.t.Fatal(err)
	}
	return body, base64.RawURLEncoding.EncodeToString(ed25519.Sign(l.key.Private(), append([]byte(wire.ReportDomain), body...)))
}

func (l liar) send(r wire.Report) (wire.ReportAnswer, error) {
	body, signature := l.bytes(r)
	a, err := l.c.ReportAgent(l.t.Context(), l.id, body, signature)
	return a.Value, err
}

func refused(t testing.TB, err error, code string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

func few() wire.Facts {
	return wire.Facts{"system.hostname": []byte(`"host-1"`), "system.kernel": []byte(`"6.1"`)}
}

func TestAReplayedReportIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, world{"system.hostname": `"host-1"`}.collectors())
	l := liarWith(t, s, cfg, enrolled(t, s, cfg))
	all := make([]int64, wire.AgentBuckets)
	for i := range all {
		all[i] = int64(i)
	}
	now := time.Now().UnixMicro()
	body, signature := l.bytes(wire.Report{Boot: "a", Seq: 7, Sent: now, Root: few().Root(), Whole: all, Set: few()})
	if a, err := l.c.ReportAgent(t.Context(), l.id, body, signature); err != nil || a.Value.State != wire.AgentAccepted {
		t.Fatalf("%+v %v", a.Value, err)
	}
	_, err := l.c.ReportAgent(t.Context(), l.id, body, signature)
	refused(t, err, "seen_before")
	_, err = l.send(wire.Report{Boot: "a", Seq: 6, Sent: now, Root: few().Root()})
	refused(t, err, "seen_before")
	if _, err = l.send(wire.Report{Boot: "b", Seq: 1, Sent: now, Root: few().Root()}); err != nil {
		t.Errorf("the next boot is refused: %v", err)
	}
	_, err = l.c.ReportAgent(t.Context(), l.id, body, signature)
	refused(t, err, "seen_before")
	if x := standing(t, s); x.Agent.Conflict != 0 || x.Presence.Boot != "b" {
		t.Errorf("a replay counts as a second host: %+v", x)
	}
}

func TestALyingReportIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, world{}.collectors())
	l := liarWith(t, s, cfg, enrolled(t, s, cfg))
	other, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]int64, wire.AgentBuckets)
	for i := range all {
		all[i] = int64(i)
	}
	seq := int64(0)
	send := func(l liar, change func(*wire.Report)) error {
		seq++
		r := wire.Report{Boot: "a", Seq: seq, Sent: time.Now().UnixMicro(), Whole: all, Set: few()}
		r.Root = r.Set.Root()
		change(&r)
		_, err := l.send(r)
		return err
	}
	rooted := func(f wire.Facts) func(*wire.Report) { return func(r *wire.Report) { r.Set, r.Root = f, f.Root() } }
	many := wire.Facts{}
	for i := range wire.MaxFacts + 1 {
		many[fmt.Sprint("package.p", i)] = []byte("1")
	}
	for name, change := range map[string]func(*wire.Report){
		"another root":        func(r *wire.Report) { r.Root = wire.Facts{}.Root() },
		"a bucket not sent":   func(r *wire.Report) { r.Whole = []int64{} },
		"no boot":             func(r *wire.Report) { r.Boot = "" },
		"a number of nothing": func(r *wire.Report) { r.Seq = 0 },
		"an object":           rooted(wire.Facts{"a.b": []byte(`{"a":1}`)}),
		"a fraction":          rooted(wire.Facts{"a.b": []byte(`1.5`)}),
		"an escape":           rooted(wire.Facts{"a.b": []byte(`"\u0041"`)}),
		"an unsorted set":     rooted(wire.Facts{"a.b": []byte(`["b","a"]`)}),
		"no path":             rooted(wire.Facts{"": []byte(`1`)}),
		"a control character": rooted(wire.Facts{"a\nb": []byte(`1`)}),
		"too many":            rooted(many),
		"three buckets": func(r *wire.Report) {
			r.Whole, r.Set, r.Buckets, r.Root = nil, nil, []string{"a", "b", "c"}, few().Root()
		},
	} {
		if err := send(l, change); !fault.Is(err, "bad_report") && !(name == "a bucket not sent" && err == nil) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	refused(t, send(liar{t, l.c, other, l.id}, func(*wire.Report) {}), "wrong_signature")
	refused(t, send(liar{t, l.c, l.key, "agt_nobody"}, func(*wire.Report) {}), "wrong_signature")
	if x := standing(t, s); x.Presence.Root != "" {
		t.Errorf("something of it was taken: %+v", x)
	}
}

func TestTwoHostsWithOneKeyAreToldApart(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	one := world{"system.hostname": `"host-1"`}
	cfg := config(t, one.collectors())
	enrolled(t, s, cfg)
	first, err := agent.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := first.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := taken(t, s)
	// A clone of the whole disk, on another host.
	clone := cfg
	clone.Dir, clone.Boot = t.TempDir(), "boot-2"
	if err := os.CopyFS(clone.Dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(clone.Dir, "agent.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	clone.Collectors = world{"system.hostname": `"host-1"`}.collectors()
	once(t, clone)
	_, err = first.Once(t.Context())
	refused(t, err, "key_shared")
	second, err := agent.Open(clone)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_, err = second.Once(t.Context())
	refused(t, err, "key_shared")
	x := standing(t, s)
	if x.Agent.Conflict == 0 || x.Presence.Root != before.Presence.Root || len(assets(t, s)) != 1 {
		t.Errorf("the server believes one of the two: %+v", x)
	}
	s.As("olga").Want(http.StatusNoContent, "POST", "/agents/"+x.Agent.ID+"/revoke", map[string]any{"reason": "cloned"})
	_, err = second.Once(t.Context())
	refused(t, err, "agent_revoked")
}

func TestAWrongClockIsMeasuredAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		s := servertest.Start(t)
		cfg := config(t, world{"system.hostname": `"host-1"`}.collectors())
		cfg.Now = func() time.Time { return time.Now().Add(off) }
		enrolled(t, s, cfg)
		once(t, cfg)
		x := taken(t, s)
		if d := time.Duration(x.Presence.Skew)*time.Microsecond - off; d.Abs() > 10*time.Second {
			t.Errorf("a clock that is off by %s is measured as %s", off, time.Duration(x.Presence.Skew)*time.Microsecond)
		}
		if d := time.Since(time.UnixMicro(x.Presence.Seen)); d.Abs() > time.Minute {
			t.Errorf("the host's clock became the server's: seen %s ago", d)
		}
		if a := assets(t, s)[0]; time.Since(time.UnixMicro(a.First)).Abs() > time.Minute {
			t.Errorf("the host's clock came into the inventory: %+v", a)
		}
	}
}

func TestAFloodingAgentIsHeldBackAndOthersAreNot(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, world{}.collectors())
	l := liarWith(t, s, cfg, enrolled(t, s, cfg))
	limited := 0
	for i := range int64(80) {
		if _, err := l.send(wire.Report{Boot: "a", Seq: i + 1, Sent: time.Now().UnixMicro(), Root: few().Root()}); fault.Is(err, "too_many_reports") {
			limited++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if limited < 20 {
		t.Errorf("of 80 messages at once %d are held back", limited)
	}
	next := config(t, world{"system.hostname": `"host-2"`}.collectors())
	enrolled(t, s, next)
	if x := once(t, next); x.State != wire.AgentAccepted {
		t.Errorf("another host is held back too: %+v", x)
	}
}

func TestWhatAHostWasWhileTheServerWasAwayIsInItsHistory(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	w := world{"system.hostname": `"host-1"`, "system.kernel": `"6.1"`}
	cfg := config(t, nil)
	cfg.Collectors = w.collectors()
	enrolled(t, s, cfg)
	once(t, cfg)
	taken(t, s)
	s.Stop()
	for _, kernel := range []string{`"6.2"`, `"6.1"`, `"6.3"`} {
		w["system.kernel"] = kernel
		a, err := agent.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Once(t.Context()); err == nil {
			t.Fatal("a report reached a stopped server")
		}
		a.Close()
	}
	if st, err := agent.StatusOf(cfg); err != nil || st.Waiting != 3 {
		t.Fatalf("%+v %v", st, err)
	}
	s.Restart()
	at(t, cfg, s.URL)
	got := once(t, cfg)
	if got.States != 3 {
		t.Errorf("sent %+v", got)
	}
	taken(t, s)
	var history struct {
		Items []struct {
			Path  string `json:"path"`
			After string `json:"after"`
		} `json:"items"`
	}
	s.As("olga").Want(http.StatusOK, "GET", "/assets/"+string(assets(t, s)[0].ID)+"/history", nil).Into(&history)
	var kernels []string
	for _, d := range history.Items {
		if d.Path == "system.kernel" {
			kernels = append(kernels, d.After)
		}
	}
	if want := []string{`"6.3"`, `"6.1"`, `"6.2"`}; fmt.Sprint(kernels) != fmt.Sprint(want) {
		t.Errorf("the kernel was, newest first, %v; want %v", kernels, want)
	}
}

// at tells an enrolled agent that the server has another address.
func at(t testing.TB, cfg agent.Config, url string) {
	t.Helper()
	path := filepath.Join(cfg.Dir, "agent.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := map[string]any{}
	if err := json.Unmarshal(b, &h); err != nil {
		t.Fatal(err)
	}
	h["url"] = url
	if b, err = json.Marshal(h); err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnAgentThatForgotWhatTheServerHasSendsOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	w := world{"system.hostname": `"host-1"`}
	for i := range 600 {
		w[fmt.Sprint("package.p", i)] = `"1.0-1 amd64"`
	}
	cfg := config(t, w.collectors())
	enrolled(t, s, cfg)
	full := once(t, cfg)
	taken(t, s)
	if err := os.Remove(filepath.Join(cfg.Dir, "state.json")); err != nil {
		t.Fatal(err)
	}
	w["package.p5"] = `"1.0-2 amd64"`
	got := once(t, cfg)
	if got.State != wire.AgentAccepted || got.Messages != 3 || got.Bytes > full.Bytes/5 {
		t.Errorf("full %+v, then %+v", full, got)
	}
}

func TestAnEnrolmentTokenServesOneHostOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	one, two := config(t, nil), config(t, nil)
	secret := token(t, s)
	id, err := agent.Enrol(t.Context(), one, s.URL, "", secret, "one")
	if err != nil {
		t.Fatal(err)
	}
	_, err = agent.Enrol(t.Context(), two, s.URL, "", secret, "two")
	refused(t, err, "enrolment_refused")
	_, err = agent.Enrol(t.Context(), one, s.URL, "", secret, "one")
	refused(t, err, "enrolled_already")
	// The answer was lost: the same key with the same token comes to the same agent.
	if err := os.Remove(filepath.Join(one.Dir, "agent.json")); err != nil {
		t.Fatal(err)
	}
	again, err := agent.Enrol(t.Context(), one, s.URL, "", secret, "one")
	if err != nil || again != id {
		t.Errorf("got %s, %v; want %s", again, err, id)
	}
	if b, err := os.ReadFile(filepath.Join(one.Dir, "agent.json")); err != nil || len(b) == 0 {
		t.Error(err)
	}
	for _, who := range []string{"alice", "audra"} {
		s.As(who).Refused(http.StatusForbidden, "not_allowed", "POST", "/agent/tokens", map[string]any{})
	}
}

func TestFactsDivideIntoBucketsAndComeTogetherAgain(t *testing.T) {
	t.Parallel()
	f := wire.Facts{}
	for i := range 500 {
		f[fmt.Sprint("a.", i)] = wire.NumberFact(int64(i))
	}
	g := maps.Clone(f)
	g["a.7"] = wire.NumberFact(8)
	delete(g, "a.9")
	g["b"] = wire.NumberFact(1)
	set, gone := f.Difference(g)
	if len(set) != 2 || len(gone) != 1 || f.With(set, gone).Root() != g.Root() || f.Root() == g.Root() {
		t.Errorf("set %v, gone %v", set, gone)
	}
	if (wire.Facts{"ab": []byte("1")}).Root() == (wire.Facts{"a": []byte("b1")}).Root() {
		t.Error("two facts share their bytes")
	}
}

// A host that has more to say than one message holds is known by what fits, and says so: refused each time, it would be silent for ever.
func TestAHostWithMoreThanAMessageHoldsIsStillHeard(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	large := world{"system.hostname": `"host-1"`}
	fill := func(name string) {
		for i := range 12_000 {
			large[fmt.Sprintf("package.%s-%s-%05d", name, strings.Repeat("long-", 12), i)] = fmt.Sprintf("%q", strings.Repeat("1.", 30))
		}
	}
	fill("first")
	cfg := config(t, large.collectors())
	enrolled(t, s, cfg)
	a, err := agent.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if sent, err := a.Once(t.Context()); err != nil || sent.State != wire.AgentAccepted {
		t.Fatalf("%+v %v", sent, err)
	}
	l := agent.Collect(t.Context(), cfg, nil)
	if n := len(l.Facts); n < 5_000 || n > 8_000 || !strings.Contains(string(l.Facts["agent.failed"]), "everything in part") {
		t.Errorf("%d facts are sent, and %s", n, l.Facts["agent.failed"])
	}
	again := agent.Collect(t.Context(), cfg, nil)
	if l.Facts.Root() != again.Facts.Root() {
		t.Error("what is left out differs from look to look")
	}
	clear(large)
	fill("second") // nothing is as it was: the difference has no room in one message either
	if sent, err := a.Once(t.Context()); err != nil || sent.State != wire.AgentAccepted {
		t.Errorf("everything became another: %+v %v", sent, err)
	}
	if x := standing(t, s); x.Presence.Root == l.Facts.Root() {
		t.Error("the server does not know what the host is now")
	}
}
