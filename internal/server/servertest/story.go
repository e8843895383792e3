package servertest

import (
	"net/http"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// File is the configuration file that the sample change puts in place.
const File = "listen: 8080\nworkers: 4\n"

// Material is a change that the pipeline carries out: one configuration file on the test system of the
// web component. It needs the Security Lead and the Engineering Lead, and a test result.
func (s *Server) Material() change.Material {
	s.t.Helper()
	s.CI()
	digest := seal.Raw([]byte(File))
	return change.Material{Type: "normal", Category: "configuration", Summary: "Give the web servers four workers",
		Justification: "The queue grows at noon.", Components: []string{"web"}, Targets: []string{"web-test"},
		Bindings:     []change.Binding{{Kind: "config-file", Name: "web.yaml", Digest: digest}},
		Effects:      []change.Effect{{Target: "web-test", Path: "workers", Op: "update", After: "4"}},
		Rollback:     change.Rollback{Text: "Put the old file back."},
		Implementers: []change.Executor{{Account: s.People[CI], Repo: Repo, Pipe: Pipeline}}}
}

// Request is what the pipeline shows the gate for the sample change.
func Request(id change.ID, kind string) wire.GateRequest {
	return wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(id), Kind: kind,
		Observed: []wire.Observed{{Kind: "config-file", Name: "web.yaml", Digest: seal.Raw([]byte(File))}},
		CI:       wire.CI{Provider: "gitlab", Repo: Repo, Pipeline: Pipeline, BuildID: "77"}}
}

// JUnit is a passing test result.
func JUnit() []byte {
	return []byte(`<testsuite name="web" tests="2" failures="0"><testcase name="starts"/><testcase name="answers"/></testsuite>`)
}

// Filed gives the sample change as a draft of Alice's.
func (s *Server) Filed() change.Change {
	s.t.Helper()
	return s.filed(s.Material())
}

func (s *Server) filed(m change.Material) (c change.Change) {
	s.t.Helper()
	s.As(Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	return c
}

// Submitted gives the sample change, tested and waiting for approval.
func (s *Server) Submitted() (c change.Change) {
	s.t.Helper()
	return s.submitted(s.Material())
}

func (s *Server) submitted(m change.Material) (c change.Change) {
	s.t.Helper()
	c = s.filed(m)
	s.As(Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, Seen(c)...).Into(&c)
	s.Tested(c)
	return s.Shown(c.ID).Change
}

// Tested adds a passing test result about what the sample change runs.
func (s *Server) Tested(c change.Change) {
	s.t.Helper()
	s.CI().Want(http.StatusCreated, "POST", "/changes/"+string(c.ID)+"/evidence?format=junit&subject="+seal.Raw([]byte(File)), JUnit())
}

// Approved gives the sample change with both approvals.
func (s *Server) Approved() (c change.Change) {
	s.t.Helper()
	return s.approved(s.Material())
}

func (s *Server) approved(m change.Material) (c change.Change) {
	s.t.Helper()
	c = s.submitted(m)
	for _, name := range []string{Sam, Erin} {
		s.As(name).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{"comment": "looks right"}, Seen(c)...).Into(&c)
	}
	if c.State != change.Authorized {
		s.t.Fatalf("after both approvals the change is %s", c.State)
	}
	return c
}

// Shown reads a change.
func (s *Server) Shown(id change.ID) (v change.View) {
	s.t.Helper()
	s.As(Alice).Want(http.StatusOK, "GET", "/changes/"+string(id), nil).Into(&v)
	return v
}

// Ran gives the sample change after the pipeline carried it out.
func (s *Server) Ran() change.Change {
	s.t.Helper()
	return s.RanAs(s.Material())
}

// RanAs gives the sample change, worded so, after the pipeline carried it out. What it runs is the sample's.
func (s *Server) RanAs(m change.Material) change.Change {
	s.t.Helper()
	c := s.approved(m)
	s.CI().Want(http.StatusOK, "POST", "/gate/open", Request(c.ID, wire.KindApply))
	p := s.Shown(c.ID).Permits[0]
	s.CI().Want(http.StatusOK, "POST", "/gate/close", wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: change.Success})
	return s.Shown(c.ID).Change
}
