package directory_test

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

func (h *house) code() seal.Secret {
	h.t.Helper()
	code, err := h.EnsureSetupCode(h.t.Context(), "")
	h.must(err)
	return code
}

func TestTheSetupCodeIsNeededAndWorksOnce(t *testing.T) {
	t.Parallel()
	h := empty(t)
	for _, wrong := range []seal.Secret{"", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"} {
		_, err := h.Ceremony(t.Context(), wrong, setup(), ending(), "cli", "req")
		h.refused(err, "wrong_setup_code") // none was given out yet, so none fits
	}
	first := h.code()
	kept, err := h.EnsureSetupCode(t.Context(), first)
	h.must(err)
	if kept != first {
		t.Error("a restart changed a code that was still at hand")
	}
	second := h.code() // the file was lost
	_, err = h.Ceremony(t.Context(), first, setup(), ending(), "cli", "req")
	h.refused(err, "wrong_setup_code")
	if where := h.contains(strings.ReplaceAll(second.Reveal(), "-", "")); where != "" || h.contains(second.Reveal()) != "" {
		t.Errorf("the code stands in %s", where)
	}
	if done, err := h.SetupDone(t.Context()); done || err != nil {
		t.Errorf("set up before the ceremony: %v, %v", done, err)
	}
	_, err = h.Install(t.Context())
	h.refused(err, "not_set_up")
	_, err = h.Login(t.Context(), creds("olga"))
	h.refused(err, "wrong_credentials")

	out, err := h.Ceremony(t.Context(), second, setup(), ending(), "cli", "req")
	h.must(err)
	if out.Install.ID != "install_test" || out.Install.Prefix != "CHG" || out.Install.Zone != "Europe/Berlin" || len(out.People) != 6 || len(out.Codes) != 0 {
		t.Errorf("settled = %+v", out)
	}
	i, err := h.Install(t.Context())
	h.must(err)
	if i != out.Install {
		t.Errorf("install = %+v", i)
	}
	_, err = h.Ceremony(t.Context(), second, setup(), ending(), "cli", "req")
	h.refused(err, "set_up_already")
	if code := h.code(); code != "" {
		t.Error("a server that is set up gave out another setup code")
	}
	h.whole()
}

func TestTheCeremonyNeedsThreePeopleAndTwoOfficers(t *testing.T) {
	t.Parallel()
	h := empty(t)
	code := h.code()
	for what, spoil := range map[string]func(*directory.Setup){
		"two people":              func(s *directory.Setup) { s.People = s.People[:2] },
		"no people":               func(s *directory.Setup) { s.People = nil },
		"one officer":             func(s *directory.Setup) { s.Officers = s.Officers[:1] },
		"three officers":          func(s *directory.Setup) { s.Officers = append(s.Officers, "sam") },
		"one officer twice":       func(s *directory.Setup) { s.Officers = []string{"olga", "olga"} },
		"an officer from outside": func(s *directory.Setup) { s.Officers[1] = "nobody" },
		"a third by role":         func(s *directory.Setup) { s.People[2].Roles = []directory.RoleName{directory.Officer} },
		"an officer who audits":   func(s *directory.Setup) { s.People[0].Roles = []directory.RoleName{directory.Auditor} },
		"an unknown role":         func(s *directory.Setup) { s.People[2].Roles = []directory.RoleName{"king"} },
		"an empty role":           func(s *directory.Setup) { s.People[2].Roles = []directory.RoleName{""} },
		"the same name twice":     func(s *directory.Setup) { s.People[2].Username = "OLGA" },
		"the same mailbox twice":  func(s *directory.Setup) { s.People[2].Email = "olga+x@example.com" },
		"a weak password":         func(s *directory.Setup) { s.People[2].Password = "password1234" },
		"a nameless person":       func(s *directory.Setup) { s.People[2].Name = " " },
		"a person without mail":   func(s *directory.Setup) { s.People[2].Email = "" },
		"no company":              func(s *directory.Setup) { s.Company = "" },
		"no such time zone":       func(s *directory.Setup) { s.Zone = "Mars/Olympus" },
		"this machine's zone":     func(s *directory.Setup) { s.Zone = "Local" },
		"a path as a zone":        func(s *directory.Setup) { s.Zone = "../../etc/passwd" },
		"a prefix of digits":      func(s *directory.Setup) { s.Prefix = "C1" },
	} {
		s := setup()
		spoil(&s)
		_, err := h.Ceremony(t.Context(), code, s, ending(), "cli", "req")
		if !fault.Is(err, "bad_setup") || len(fault.Of(err).Fields) == 0 {
			t.Errorf("%s: %s", what, describe(err))
		}
	}
	for _, end := range []directory.Ending{{}, {Check: ending().Check}, {Activate: ending().Activate}} {
		_, err := h.Ceremony(t.Context(), code, setup(), end, "cli", "req")
		h.refused(err, "setup_unchecked")
	}
	h.found()
	h.whole()
}

func TestAGapInTheRolesKeepsNothingOfTheCeremony(t *testing.T) {
	t.Parallel()
	h := empty(t)
	code := h.code()
	var seen []policy.Person
	end := ending()
	end.Check = func(people []policy.Person) error {
		seen = people
		return fault.New(fault.Invalid, "unsatisfiable", "Nobody can fill it-manager.")
	}
	_, err := h.Ceremony(t.Context(), code, setup(), end, "cli", "req")
	h.refused(err, "unsatisfiable")
	if len(seen) != 6 || !slices.ContainsFunc(seen, func(p policy.Person) bool { return slices.Equal(p.Roles, []string{"security-officer"}) }) {
		t.Errorf("the check saw %+v", seen)
	}
	end = ending()
	end.Activate = func(tx *db.Tx, officer directory.PersonID) error {
		if _, err := tx.Exec("INSERT INTO directory_group (id, name, fold, note, created) VALUES ('grp_x', 'x', 'x', '', 0)"); err != nil {
			return err
		}
		if _, err := ledger.Append(tx, ledger.Event{Verb: "policy.activated", Type: "policy", Object: string(officer)}); err != nil {
			return err
		}
		return fault.New(fault.Conflict, "no_pack", "No.")
	}
	_, err = h.Ceremony(t.Context(), code, setup(), end, "cli", "req")
	h.refused(err, "no_pack")
	if done, err := h.SetupDone(t.Context()); done || err != nil {
		t.Errorf("set up after all: %v, %v", done, err)
	}
	if r := h.roster(); len(r.People()) != 0 || len(r.Groups()) != 0 {
		t.Errorf("left behind: %+v", r.People())
	}
	if got := h.verbs(); !slices.Equal(got, []string{"setup.code_made"}) {
		t.Errorf("events = %v", got)
	}
	h.found() // the code still works
	h.whole()
}

func TestOfTwoCeremoniesAtOnceOneHappens(t *testing.T) {
	t.Parallel()
	h := empty(t)
	code := h.code()
	s, end := setup(), ending()
	s.Zone, end.Install = "", ""
	results := make(chan error, 3)
	for range 3 {
		go func() {
			out, err := h.Ceremony(t.Context(), code, s, end, "cli", "req")
			if err == nil && (out.Install.Zone != "UTC" || !strings.HasPrefix(out.Install.ID, "install_")) {
				t.Errorf("install = %+v", out.Install)
			}
			results <- err
		}()
	}
	good := 0
	for range 3 {
		if err := <-results; err == nil {
			good++
		} else if !fault.Is(err, "set_up_already") {
			t.Errorf("ceremony: %s", describe(err))
		}
	}
	if r := h.roster(); good != 1 || len(r.People()) != 6 {
		t.Errorf("%d ceremonies happened, %d people are there", good, len(r.People()))
	}
	h.whole()
}

func TestPeopleWithoutAPasswordGetACodeInTheCeremony(t *testing.T) {
	t.Parallel()
	h := empty(t)
	s := setup()
	s.People[2].Password = ""
	out, err := h.Ceremony(t.Context(), h.code(), s, ending(), "cli", "req")
	h.must(err)
	if len(out.Codes) != 1 || out.Codes["sam"] == "" {
		t.Fatalf("codes for %v", out.Codes)
	}
	for _, p := range []seal.Secret{"", password} {
		c := creds("sam")
		c.Password = p
		_, err := h.Login(t.Context(), c)
		h.refused(err, "wrong_credentials")
	}
	c := creds("sam")
	c.Code = out.Codes["sam"]
	_, err = h.Redeem(t.Context(), c)
	h.must(err)
	h.whole()
}
