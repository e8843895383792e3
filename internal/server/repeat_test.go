package server_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
)

func TestTheSameKeyGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	alice, m := s.As(servertest.Alice), s.Material()
	first := alice.Want(201, "POST", "/changes", m, "Idempotency-Key", "one")
	for range 3 {
		again := alice.Want(201, "POST", "/changes", m, "Idempotency-Key", "one")
		if !bytes.Equal(first.Body, again.Body) || again.Header.Get("ETag") != first.Header.Get("ETag") || again.Header.Get("ETag") == "" {
			t.Fatalf("the second answer differs:\n%s\n%s", first.Body, again.Body)
		}
	}
	m.Summary = "another"
	alice.Refused(422, "idempotency_mismatch", "POST", "/changes", m, "Idempotency-Key", "one")
	s.As(servertest.Rita).Want(201, "POST", "/changes", m, "Idempotency-Key", "one")
	if n := changes(s); n != 2 {
		t.Errorf("%d changes, want one of Alice's and one of Rita's", n)
	}
}

func changes(s *servertest.Server) int {
	var page struct {
		Items []change.Change `json:"items"`
	}
	s.As(servertest.Alice).Want(200, "GET", "/changes?limit=200", nil).Into(&page)
	return len(page.Items)
}

func TestARetriedDecisionIsNotASecondOne(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	sam, path := s.As(servertest.Sam), "/changes/"+string(c.ID)+"/approve"
	headers := append(servertest.Seen(c), "Idempotency-Key", "vote")
	first := sam.Want(200, "POST", path, map[string]any{"comment": "yes"}, headers...)
	again := sam.Want(200, "POST", path, map[string]any{"comment": "yes"}, headers...)
	if !bytes.Equal(first.Body, again.Body) {
		t.Error("the retry of a decision got another answer")
	}
	sam.Refused(409, "decided_already", "POST", path, map[string]any{"comment": "yes"}, servertest.Seen(c)...)
	if n := len(s.Shown(c.ID).Decisions); n != 1 {
		t.Errorf("%d decisions", n)
	}
}

func TestManyRequestsWithOneKeyMakeOneChange(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	alice, m := s.As(servertest.Alice), s.Material()
	answers := make([]servertest.Answer, 16)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = alice.Ask("POST", "/changes", m, "Idempotency-Key", "storm") })
	}
	all.Wait()
	for _, a := range answers {
		if a.Status != http.StatusCreated || !bytes.Equal(a.Body, answers[0].Body) {
			t.Fatalf("got %d %s", a.Status, a.Body)
		}
	}
	if n := changes(s); n != 1 {
		t.Errorf("%d changes", n)
	}
}

func TestADenialIsDecidedAgain(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	path := "/changes/" + string(c.ID) + "/approve"
	s.As(servertest.Alice).Refused(403, "self_approval", "POST", path, map[string]any{}, append(servertest.Seen(c), "Idempotency-Key", "k")...)
	ask := servertest.Request(c.ID, "apply")
	s.CI().Want(403, "POST", "/gate/open", ask, "Idempotency-Key", "k")
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(200, "POST", path, map[string]any{}, servertest.Seen(c)...)
	}
	s.CI().Want(200, "POST", "/gate/open", ask, "Idempotency-Key", "k")
}

// forgetAnswers is what a server that stops between a use-case and its answer leaves behind.
func forgetAnswers(t *testing.T, s *servertest.Server) {
	t.Helper()
	s.Stop()
	d, err := db.Open(context.Background(), db.Config{Dir: s.Config.Data, URL: s.Config.Database, Schema: s.Config.Schema})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Update(context.Background(), fault.SystemActor("test"), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE api_idempotent SET status = 0, body = ''")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	s.Restart()
}

func TestALostAnswerIsMadeAgainUnlessASecretWasInIt(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Filed()
	alice := s.As(servertest.Alice)
	ask := []struct {
		path string
		body any
	}{{"/changes", s.Material()}, {"/changes/" + string(c.ID) + "/comments", map[string]any{"text": "a word"}},
		{"/changes/" + string(c.ID) + "/evidence?format=junit&subject=" + seal.Raw([]byte(servertest.File)), servertest.JUnit()}}
	var first []servertest.Answer
	for i, a := range ask {
		first = append(first, alice.Want(201, "POST", a.path, a.body, "Idempotency-Key", fmt.Sprint(i)))
	}
	token := map[string]any{"name": "mine", "scopes": []string{"read"}}
	made := alice.Want(201, "POST", "/tokens", token, "Idempotency-Key", "token")
	if again := alice.Want(201, "POST", "/tokens", token, "Idempotency-Key", "token"); !bytes.Equal(made.Body, again.Body) {
		t.Error("the retry got another secret")
	}
	s.Restart()
	if again := alice.Want(201, "POST", "/tokens", token, "Idempotency-Key", "token"); !bytes.Equal(made.Body, again.Body) {
		t.Error("after a restart the retry got another secret")
	}
	forgetAnswers(t, s)
	for i, a := range ask {
		if again := alice.Want(201, "POST", a.path, a.body, "Idempotency-Key", fmt.Sprint(i)); !bytes.Equal(first[i].Body, again.Body) {
			t.Errorf("%s: made again as\n%s\nwas\n%s", a.path, again.Body, first[i].Body)
		}
	}
	alice.Refused(409, "answer_lost", "POST", "/tokens", token, "Idempotency-Key", "token")
}

// PostgreSQL is killed and started while changes are filed: every retry with its key gets the one change
// that its first try made, or makes it.
func TestADatabaseThatRestartsMidCommitFilesNothingTwice(t *testing.T) {
	t.Parallel()
	pg, ok := dbtest.StartServer(t)
	if !ok {
		return // this run is the one on SQLite
	}
	s := servertest.Start(t, func(c *server.Config) { c.Database, c.Schema = pg.URL, "" })
	alice, m := s.As(servertest.Alice), s.Material()
	file := func(key string) (change.ID, bool) {
		a := alice.Ask("POST", "/changes", m, "Idempotency-Key", key)
		if a.Status == http.StatusServiceUnavailable {
			return "", false
		}
		var c change.Change
		if a.Status != http.StatusCreated {
			t.Errorf("filing: %d %s", a.Status, a.Body)
			return "", true
		}
		a.Into(&c)
		return c.ID, true
	}
	const writers, each = 4, 12
	ids := make([][each]change.ID, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				for done := false; !done && t.Context().Err() == nil; {
					ids[w][i], done = file(fmt.Sprintf("%d.%d", w, i))
				}
			}
		})
	}
	for range 3 {
		pg.Stop(t)
		pg.Start(t)
	}
	all.Wait()
	seen := map[change.ID]bool{}
	for w := range writers {
		for i, id := range ids[w] {
			if again, done := file(fmt.Sprintf("%d.%d", w, i)); done && again != id {
				t.Errorf("the key %d.%d made %s and %s", w, i, id, again)
			}
			seen[id] = true
		}
	}
	if n := changes(s); n != writers*each || len(seen) != n {
		t.Errorf("%d changes by %d keys", n, writers*each)
	}
}
