package server_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/server/servertest"
)

// A finding tells who asks how they may answer for it, or why not and who can: pages and commands offer what this says.
func TestAFindingSaysWhatWhoAsksMayDo(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Edited()
	type view struct {
		Answers []string `json:"answers"`
		Refused *struct {
			Code string `json:"code"`
			Who  string `json:"who"`
		} `json:"refused"`
		Called      map[string]string `json:"called"`
		Differences []struct {
			Source   string `json:"source"`
			Earliest int64  `json:"earliest"`
			Latest   int64  `json:"latest"`
		} `json:"differences"`
	}
	for who, refused := range map[string]string{servertest.Olga: "", servertest.Rita: "not_finding_owner", servertest.Audra: "not_finding_owner"} {
		var v view
		s.As(who).Want(http.StatusOK, "GET", "/findings/fnd-1", nil).Into(&v)
		switch {
		case refused == "" && (v.Refused != nil || !slices.Equal(v.Answers, []string{"waive", "revert", "adopt"})):
			t.Errorf("%s: %+v, want all three answers", who, v)
		case refused != "" && (v.Refused == nil || v.Refused.Code != refused || v.Refused.Who == "" || len(v.Answers) > 0):
			t.Errorf("%s: %+v, want no answer, and why", who, v)
		}
		if len(v.Differences) != 1 || v.Called[v.Differences[0].Source] != "list" || v.Differences[0].Earliest >= v.Differences[0].Latest {
			t.Errorf("%s: %+v, want the difference with its interval, seen by list", who, v)
		}
	}
}

// What waits for a person is the same whether they ask themselves or their token does: changes, findings and campaigns alike.
func TestATokenIsToldOfTheFindingsThatWaitForItsOwner(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Edited()
	for who, want := range map[string]int{servertest.Olga: 1, servertest.Rita: 0} {
		var list struct {
			Items []struct{} `json:"items"`
		}
		token := s.With(s.Token(who, map[string]any{"name": "t", "days": 1, "scopes": []string{"read"}}))
		token.Want(http.StatusOK, "GET", "/findings/waiting", nil).Into(&list)
		if len(list.Items) != want {
			t.Errorf("for a token of %s %d findings wait, want %d", who, len(list.Items), want)
		}
	}
}

// A proposed exception waits for whoever may review it, also when their token asks; its proposer and everybody else hear nothing.
func TestAProposedExceptionWaitsForItsReviewers(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Edited()
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/mutes", map[string]any{"kind": "standing", "reason": "the autoscaler changes sizes", "name": "web-1",
		"path": "size", "expires": time.Now().Add(30 * 24 * time.Hour)})
	for who, want := range map[string]int{servertest.Olga: 1, servertest.Otto: 1, servertest.Alice: 0, servertest.Rita: 0, servertest.Audra: 0} {
		var list struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
		}
		token := s.With(s.Token(who, map[string]any{"name": "t", "days": 1, "scopes": []string{"read"}}))
		token.Want(http.StatusOK, "GET", "/mutes/waiting", nil).Into(&list)
		if len(list.Items) != want {
			t.Errorf("for a token of %s wait %+v, want %d", who, list.Items, want)
		}
	}
	var shown struct {
		Reviewers []string `json:"reviewers"`
	}
	s.As(servertest.Rita).Want(http.StatusOK, "GET", "/mutes/MUT-1", nil).Into(&shown)
	slices.Sort(shown.Reviewers)
	if want := slices.Sorted(slices.Values([]string{s.People[servertest.Olga], s.People[servertest.Otto]})); !slices.Equal(shown.Reviewers, want) {
		t.Errorf("its reviewers are %v, want the two officers %v", shown.Reviewers, want)
	}
}
