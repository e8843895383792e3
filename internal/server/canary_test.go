package server_test

import (
	"archive/tar"
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// cage holds what must never be found again, by the door it came in through.
type cage struct {
	mu       sync.Mutex
	canaries map[string]string // guarded by mu: secret → door
}

// asSent begins the doors of what stays in the one document that somebody sent, and nowhere else.
const asSent = "evidence file's "

// plant makes a secret for a door.
func (c *cage) plant(door string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	secret := fmt.Sprintf("Canary%03dzQ7vLx2Wm9", len(c.canaries))
	c.canaries[secret] = door
	return secret
}

// keep notes a secret that the server made.
func (c *cage) keep(door, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canaries[secret] = door
}

// search looks for every canary in a text, as it is, in hex and in base64.
func (c *cage) search(t *testing.T, where string, text []byte) {
	t.Helper()
	for secret, door := range c.canaries {
		if strings.HasPrefix(door, asSent) && strings.HasPrefix(where, "document") {
			continue
		}
		plain := []byte(secret)
		inside := base64.StdEncoding.EncodeToString(plain)
		for form, coded := range map[string]string{"": secret, " in hex": hex.EncodeToString(plain), " in base64": strings.TrimRight(inside, "=")[:len(inside)-4]} {
			if i := bytes.Index(text, []byte(coded)); i >= 0 {
				t.Errorf("the %s is in %s%s: …%q…", door, where, form, text[max(0, i-60):min(len(text), i+60)])
			}
		}
	}
}

// lines is a log that many write.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *lines) Write(b []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(b) }

// What comes in through any door and is secret is found nowhere: not in the database or the files
// beside it, not in documents, not in the log at its most talkative, not in an evidence pack.
func TestNoSecretIsFoundAgain(t *testing.T) {
	t.Parallel()
	said := &lines{}
	f := found(t, func(c *server.Config) {
		c.Logger = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	c := &cage{canaries: map[string]string{}}
	plantInPlan(t, f, c)
	plantInSignIn(t, f, c)
	plantInHeaders(t, f, c)
	plantInBodies(t, f, c)
	plantInEvidence(t, f, c)
	plantInSources(t, f, c)
	pack := f.ask(t, servertest.Audra, "POST", "/export", map[string]any{"from": time.Now().Add(-time.Hour).UTC(), "to": time.Now().Add(time.Hour).UTC()})
	if !pack.ok() || !pack.has("CHG-000001") {
		t.Fatalf("no pack: %s", pack)
	}
	f.Stop()
	if len(c.canaries) < 70 {
		t.Fatalf("only %d secrets were planted", len(c.canaries))
	}
	searchPack(t, c, pack.body)
	c.search(t, "the log", said.buf.Bytes())
	searchFiles(t, c, f.Config.Data)
	searchRows(t, c, db.Config{Dir: f.Config.Data, URL: f.Config.Database, Schema: f.Config.Schema})
}

// plantInPlan sends a plan with fifty secrets as a client does: redacted before it leaves.
func plantInPlan(t *testing.T, f *firm, c *cage) {
	t.Helper()
	var rows, variables []string
	for i := range 10 {
		after := fmt.Sprintf(`{"password":%q,"user_data":"export DB_PASSWORD=%s","url":"postgres://app:%s@db.internal/x","masked":%q}`,
			c.plant("plan's password"), c.plant("plan's user data"), c.plant("plan's URL"), c.plant("plan's masked value"))
		rows = append(rows, fmt.Sprintf(`{"address":"aws_thing.a%d","mode":"managed","type":"aws_thing","name":"a%d","provider_name":"registry.terraform.io/hashicorp/aws",
			"change":{"actions":["create"],"before":null,"after":%s,"after_unknown":{},"before_sensitive":false,"after_sensitive":{"masked":true}}}`, i, i, after))
		variables = append(variables, fmt.Sprintf(`"api_token_%d":{"value":%q}`, i, c.plant("plan's variable")))
	}
	raw := fmt.Sprintf(`{"format_version":"1.2","terraform_version":"1.9.0","variables":{%s},"planned_values":{"root_module":{}},"resource_changes":[%s],
		"configuration":{"root_module":{"variables":{"api_token_0":{"sensitive":true}}}},"timestamp":"2026-01-01T00:00:00Z","applyable":true,"complete":true,"errored":false}`,
		strings.Join(variables, ","), strings.Join(rows, ","))
	var key struct {
		Key string `json:"key"`
	}
	f.done(t, &key, servertest.CI, "GET", "/repository-key?repo="+servertest.Repo, nil)
	c.keep("repository's key", key.Key)
	bare, err := hex.DecodeString(key.Key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Read(strings.NewReader(raw), plan.Options{Key: bare})
	if err != nil {
		t.Fatal(err)
	}
	var b change.Binding
	f.done(t, &b, servertest.CI, "POST", "/documents?kind=tf-plan", p.Document())
	if b.Plan.Create != 10 {
		t.Fatalf("the server read %+v", b.Plan)
	}
	m := f.usual("")
	b.Digest = m.Bindings[0].Digest
	m.Bindings = []change.Binding{b}
	f.approved(t, f.filed(t, m), b.Digest)
}

// plantInSignIn uses passwords, right and wrong, and keeps what the server hands out once.
func plantInSignIn(t *testing.T, f *firm, c *cage) {
	t.Helper()
	c.keep("everybody's password", servertest.Password)
	next := c.plant("new password") + " is long enough"
	f.done(t, nil, servertest.Dora, "POST", "/me/password", map[string]any{"old": servertest.Password, "new": next})
	login := func(name, password string, more ...string) reply {
		body := map[string]any{"username": name, "password": password}
		for i := 0; i+1 < len(more); i += 2 {
			body[more[i]] = more[i+1]
		}
		return f.ask(t, servertest.Strange, "POST", "/login", body)
	}
	login(servertest.Dora, c.plant("wrong password"))
	login(c.plant("password in the name's place"), "x")
	login(servertest.Dora, c.plant("old one"), "new_password", c.plant("new one with the wrong old one")+" and more")
	var session struct {
		Token string `json:"token"`
	}
	login(servertest.Dora, next).into(t, &session)
	c.keep("session's secret", session.Token)
	c.keep("token", f.Token(servertest.Alice, map[string]any{"name": "mine", "scopes": []string{"read"}}))
	var made struct {
		Secret string `json:"secret"`
	}
	f.done(t, &made, servertest.Olga, "POST", "/webhooks", map[string]any{"url": "https://example.com/hook", "verbs": []string{"change.closed"}}, "Idempotency-Key", c.plant("idempotency key"))
	c.keep("webhook's secret", made.Secret)
	var reset struct {
		Code string `json:"code"`
	}
	f.done(t, &reset, servertest.Otto, "POST", "/people/"+f.People[servertest.Rita]+"/reset-password", map[string]any{})
	c.keep("one-time code", reset.Code)
	f.ask(t, servertest.Strange, "POST", "/setup", map[string]any{"code": c.plant("setup code"), "company": "x"})
}

// plantInHeaders sends secrets where people put them by mistake.
func plantInHeaders(t *testing.T, f *firm, c *cage) {
	t.Helper()
	for _, header := range [][2]string{{"Authorization", "Bearer plb_pat_"}, {"Authorization", "Basic "}, {"Cookie", "session="}, {"X-Api-Key", ""},
		{"User-Agent", "curl/"}, {"Referer", "https://example.com/?token="}, {"Origin", "https://"}, {"X-Forwarded-For", ""}, {"If-Match", ""}, {"Accept", "x/"}} {
		f.ask(t, servertest.Strange, "GET", "/changes", nil, header[0], header[1]+c.plant(header[0]+" header"))
		f.ask(t, servertest.Alice, "POST", "/changes/CHG-1/submit", map[string]any{}, header[0], header[1]+c.plant(header[0]+" header"))
	}
	for _, path := range []string{"/changes?token=", "/changes?state=", "/tokens/", "/nothing/", "//"} {
		f.ask(t, servertest.Alice, "GET", path+c.plant("path "+path), nil)
		f.ask(t, servertest.Strange, "DELETE", path+c.plant("path "+path), nil)
	}
}

// plantInBodies sends bodies that are refused.
func plantInBodies(t *testing.T, f *firm, c *cage) {
	t.Helper()
	for _, form := range []string{`{"password":"%s"}`, `{"summary":"%s`, `{"%s":1}`, `{"type":"%s"}`, `{"summary":{"a":"%s"}}`, `{"type":"normal","bindings":[{"digest":"%s"}]}`} {
		for _, path := range []string{"/changes", "/gate/open", "/tokens", "/login", "/export", "/policy/explain"} {
			if r := f.ask(t, servertest.Alice, "POST", path, []byte(fmt.Sprintf(form, c.plant("refused body of "+path)))); r.status < 400 || r.status >= 500 {
				t.Errorf("POST %s %s: %s", path, form, r)
			}
		}
	}
}

// plantInEvidence sends a test result whose failures talk too much. The file is kept as it was sent, byte
// for byte, as a comment is; what the server reads in it, shows and records is masked.
func plantInEvidence(t *testing.T, f *firm, c *cage) {
	t.Helper()
	x := f.filed(t, f.usual("web"))
	junit := fmt.Sprintf(`<testsuite name="a" tests="1" failures="1"><testcase name="login"><failure message="password=%s">Authorization: Bearer %s</failure></testcase></testsuite>`,
		c.plant(asSent+"failure message"), c.plant(asSent+"failure text"))
	f.done(t, nil, servertest.CI, "POST", at(x, "/evidence?format=junit&subject="+seal.Raw([]byte("web"))), []byte(junit))
	q := presented(x, wire.KindApply, "web")
	f.ask(t, servertest.CI, "POST", "/gate/open", q)
}

// searchPack looks into every member of an evidence pack.
func searchPack(t *testing.T, c *cage, pack []byte) {
	t.Helper()
	members := 0
	for r := tar.NewReader(bytes.NewReader(pack)); ; members++ {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		c.search(t, h.Name+" of the pack", b)
	}
	if members < 8 {
		t.Errorf("the pack has %d members", members)
	}
}

// searchFiles looks into every file of the data folder, documents unpacked.
func searchFiles(t *testing.T, c *cage, dir string) {
	t.Helper()
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	files := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		c.search(t, filepath.Base(path), b)
		if strings.HasSuffix(path, ".zst") {
			if b, err = unpack.DecodeAll(b, nil); err != nil {
				return err
			}
			c.search(t, "document "+clip(b, 30), b)
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("%d files searched: %v", files, err)
	}
}

// searchRows looks into every value of every table, where no page boundary hides anything.
func searchRows(t *testing.T, c *cage, at db.Config) {
	t.Helper()
	raw := dbtest.Raw(t, at)
	list := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if at.URL != "" {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	tables := column(t, raw, list)
	if len(tables) < 20 {
		t.Errorf("only the tables %v", tables)
	}
	for _, table := range tables {
		for _, row := range column(t, raw, "SELECT * FROM "+table) {
			c.search(t, "table "+table, []byte(row))
		}
	}
}

// column gives the rows of a query, each as one text.
func column(t *testing.T, raw *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(sql.RawBytes)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		var row []byte
		for i, v := range values {
			row = append(row, *v.(*sql.RawBytes)...)
			if i < len(values)-1 {
				row = append(row, ' ')
			}
		}
		out = append(out, string(row))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
