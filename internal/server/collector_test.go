package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/server/servertest"
)

const (
	collectorHeader = "X-Data-Collector-Token"
	collectorPath   = "/sources/chef-fleet/data-collector"
	collectorSecret = "s3cr3t-CANARY-collector-7Zk"
)

// begun and ended are what a chef-client posts at the two ends of a run, in the documented form of its messages.
func begun(node string) []byte {
	return []byte(`{"message_type":"run_start","message_version":"1.0.0","node_name":"` + node + `","run_id":"run-1","start_time":"2026-03-01T10:00:00Z"}`)
}

func ended(node string) []byte {
	return []byte(`{"message_type":"run_converge","message_version":"1.1.0","node_name":"` + node + `","run_id":"run-1","status":"success",
"end_time":"2026-03-01T10:01:00Z","node":{"automatic":{"os":"linux","hostname":"` + node + `"}},"resources":[{"type":"file","name":"/etc/web.conf",
"status":"updated","result":"create","after":{"mode":"0644","password":"` + collectorSecret + `"}}]}`)
}

// fleet is a server with a source for chef-clients and one of another kind, and a token as a chef-client has it.
func fleet(t *testing.T) (s *servertest.Server, token string) {
	s = servertest.Start(t)
	otto := s.As(servertest.Otto)
	otto.Want(201, "POST", "/sources", map[string]any{"name": "chef-fleet", "kind": "chef"})
	otto.Want(201, "POST", "/sources", map[string]any{"name": "salt-fleet", "kind": "salt"})
	return s, s.Token(servertest.Otto, map[string]any{"name": "chef", "scopes": []string{"observe"}, "sources": []string{"chef-fleet", "salt-fleet"}})
}

func TestAChefClientPostsItsRunsWithATokenInItsOwnHeader(t *testing.T) {
	t.Parallel()
	s, token := fleet(t)
	client := s.Nobody()
	var run inventory.Run
	client.Want(200, "POST", collectorPath, begun("web-1"), collectorHeader, token).Into(&run)
	if !run.Complete || run.Records != 0 || run.Error != "" {
		t.Errorf("a begun run gave %+v", run)
	}
	answer := client.Want(200, "POST", collectorPath, ended("web-1"), collectorHeader, token)
	if answer.Into(&run); !run.Complete || run.Records != 2 || run.Added != 2 {
		t.Errorf("an ended run gave %+v", run)
	}
	assets := s.As(servertest.Rita).Want(200, "GET", "/assets?name=web-1", nil)
	if !strings.Contains(string(assets.Body), `"web-1"`) {
		t.Errorf("the host is no asset: %s", assets.Body)
	}
	for _, body := range [][]byte{answer.Body, assets.Body} {
		if strings.Contains(string(body), collectorSecret) {
			t.Error("a secret of the run came out again")
		}
	}
}

// The header counts as a bearer does: the same secrets are known, the same permission is asked, and two secrets are none.
func TestTheTokenOfAChefClientIsCheckedAsABearerIs(t *testing.T) {
	t.Parallel()
	s, token := fleet(t)
	client := s.Nobody()
	client.Refused(401, "not_signed_in", "POST", collectorPath, begun("a"))
	client.Refused(401, "not_signed_in", "POST", collectorPath, begun("a"), collectorHeader, "")
	client.Refused(401, "not_signed_in", "POST", collectorPath, begun("a"), collectorHeader, "Bearer "+token)
	client.Refused(401, "not_signed_in", "POST", collectorPath, begun("a"), collectorHeader, token, "Authorization", "Bearer "+token)
	for _, scope := range []string{"read", "file", "evidence", "gate", "admin-read"} {
		other := s.Token(servertest.Otto, map[string]any{"name": scope, "scopes": []string{scope}})
		client.Refused(403, "not_allowed", "POST", collectorPath, begun("a"), collectorHeader, other)
	}
	weak := s.Token(servertest.Rita, map[string]any{"name": "observe", "scopes": []string{"observe"}, "sources": []string{"chef-fleet"}})
	client.Refused(403, "not_allowed", "POST", collectorPath, begun("a"), collectorHeader, weak)
	client.Refused(401, "not_signed_in", "POST", "/sources/chef-fleet/documents", begun("a"), collectorHeader, token)
	client.Want(200, "POST", collectorPath, begun("a"), "Authorization", "Bearer "+token)
}

func TestOnlyASourceOfChefTakesWhatAChefClientPosts(t *testing.T) {
	t.Parallel()
	s, token := fleet(t)
	client := s.Nobody()
	client.Refused(409, "not_a_chef_source", "POST", "/sources/salt-fleet/data-collector", begun("a"), collectorHeader, token)
	client.Refused(404, "no_source", "POST", "/sources/none/data-collector", begun("a"), collectorHeader, token)
	client.Refused(400, "bad_document", "POST", collectorPath, []byte(`{"message_type":"action"}`), collectorHeader, token)
}

// A whole fleet ends its runs at once: none of the messages is turned away because another is being read.
func TestMessagesOfAFleetWaitForEachOther(t *testing.T) {
	t.Parallel()
	s, token := fleet(t)
	client := s.Nobody()
	answers := make([]servertest.Answer, 12)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = client.Ask("POST", collectorPath, ended(fmt.Sprintf("web-%d", i)), collectorHeader, token)
		})
	}
	all.Wait()
	for i, a := range answers {
		if a.Status != 200 {
			t.Errorf("message %d: %d %s", i, a.Status, a.Body)
		}
	}
}

// A token speaks for the sources that it names and for no other: a robot's table is not its word on the state of a cloud.
func TestATokenSendsOnlyToTheSourcesThatItNames(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	otto := s.As(servertest.Otto)
	for _, name := range []string{"sheet", "other"} {
		otto.Want(201, "POST", "/sources", map[string]any{"name": name, "kind": "csv"})
	}
	scopes := []string{"observe", "read"}
	otto.Refused(404, "no_source", "POST", "/tokens", map[string]any{"name": "none", "scopes": scopes, "sources": []string{"nowhere"}})
	robot := s.With(s.Token(servertest.Otto, map[string]any{"name": "robot", "scopes": scopes, "sources": []string{"sheet"}}))
	robot.Want(201, "POST", "/sources/sheet/documents", []byte("id,name\n1,db-1\n"))
	robot.Refused(403, "source_not_bound", "POST", "/sources/other/documents", []byte("id,name\n1,db-1\n"))
	unbound := s.With(s.Token(servertest.Otto, map[string]any{"name": "unbound", "scopes": scopes}))
	unbound.Refused(403, "source_not_bound", "POST", "/sources/sheet/documents", []byte("id,name\n1,db-1\n"))
	s.Nobody().Refused(403, "source_not_bound", "POST", "/sources/sheet/data-collector", begun("a"), collectorHeader,
		s.Token(servertest.Otto, map[string]any{"name": "chef", "scopes": scopes}))
	otto.Want(201, "POST", "/sources/other/documents", []byte("id,name\n1,db-1\n")) // a person in their own session
}

// What ohai says of a host and what its run says of it are one asset, whichever comes first. A second host with the same machine-id
// is another one.
func TestOhaiAndTheRunOfOneHostAreOneAsset(t *testing.T) {
	t.Parallel()
	const facts = `"os":"linux","hostname":"web-1","fqdn":"web-1.example","machine_id":"3d1219c7c4c5404aaa1f6d2a48adfda4"`
	converge := func(name string) string {
		return `{"message_type":"run_converge","message_version":"1.1.0","node_name":"` + name + `","status":"success","node":{"automatic":{` + facts + `}},"resources":[]}`
	}
	for name, docs := range map[string][]string{
		"ohai first":    {`{` + facts + `}`, converge("web-1")},
		"the run first": {converge("web-1"), `{` + facts + `}`},
	} {
		s, _ := fleet(t)
		hosts := func(doc string) int {
			var run inventory.Run
			if s.As(servertest.Otto).Want(201, "POST", "/sources/chef-fleet/documents", []byte(doc)).Into(&run); !run.Complete {
				t.Fatalf("%s: %+v", name, run)
			}
			page := s.As(servertest.Rita).Want(200, "GET", "/assets?class=Host", nil)
			return strings.Count(string(page.Body), `"class":"Host"`)
		}
		for _, doc := range append(docs, docs...) {
			if n := hosts(doc); n != 1 {
				t.Errorf("%s: %d hosts", name, n)
			}
		}
		if n := hosts(converge("web-2")); n != 2 {
			t.Errorf("%s: with a copy of its disk %d hosts", name, n)
		}
	}
}
