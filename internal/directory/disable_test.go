package directory_test

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
)

// Trust model 9: everything that a person had ends in the transaction that disables them, in every
// process, however recently it was recognised.
func TestEverythingOfADisabledPersonEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.desk() // another replica
	other.Shared()
	olga := h.as("olga")
	bearers, ci, c := h.everywhere()
	var err error
	actors := map[string]fault.Actor{}
	for what, b := range bearers {
		for _, d := range []*directory.Desk{h.Desk, other} {
			if actors[what], err = d.Recognise(t.Context(), b); err != nil {
				t.Fatalf("%s: %s", what, describe(err))
			}
		}
	}
	if !slices.Equal(h.roster().Roles(h.people["sam"]), []string{"engineering-lead", "security-lead"}) {
		t.Fatalf("sam holds %v", h.roster().Roles(h.people["sam"]))
	}
	h.must(h.Disable(t.Context(), olga, h.people["sam"], "left the company"))
	for what, b := range bearers {
		if _, err := h.Recognise(t.Context(), b); fault.Of(err).Kind != fault.Unauthenticated {
			t.Errorf("%s is still recognised: %s", what, describe(err))
		}
		if err := h.db.View(t.Context(), func(tx *db.Tx) error { return other.ConfirmIn(tx, actors[what]) }); fault.Of(err).Kind != fault.Unauthenticated {
			t.Errorf("%s is still confirmed by the other replica: %s", what, describe(err))
		}
	}
	h.clock.Add(1001 * 1e6) // a second and a bit later, the other replica has noticed by itself
	for what, b := range bearers {
		if _, err := other.Recognise(t.Context(), b); fault.Of(err).Kind != fault.Unauthenticated {
			t.Errorf("%s is still recognised by the other replica: %s", what, describe(err))
		}
	}
	h.gone("sam", ci.ID)
	if !slices.Equal(h.disabled, []directory.PersonID{h.people["sam"]}) {
		t.Errorf("the hook was told of %v", h.disabled)
	}
	_, err = h.Login(t.Context(), creds("sam"))
	h.refused(err, "wrong_credentials")
	c.Code, c.Username = "", "sam-admin"
	_, err = h.Login(t.Context(), c)
	h.refused(err, "wrong_credentials")
	h.refused(h.Disable(t.Context(), olga, h.people["sam"], "again"), "already_disabled")
	h.whole()

	h.must(h.Enable(t.Context(), olga, h.people["sam"], "came back"))
	h.signIn("sam")
	if got := h.roster().Roles(h.people["sam"]); len(got) > 0 {
		t.Errorf("sam came back with %v", got)
	}
	for what, b := range bearers {
		if _, err := h.Recognise(t.Context(), b); fault.Of(err).Kind != fault.Unauthenticated {
			t.Errorf("%s came back too", what)
		}
	}
	h.refused(h.Enable(t.Context(), olga, h.people["sam"], "again"), "not_disabled")
	h.whole()
}

// everywhere lets sam in by every way there is, and gives the secrets, a service account of sam's and the
// credentials of a linked account.
func (h *house) everywhere() (bearers map[string]string, ci directory.Account, c directory.Credentials) {
	h.t.Helper()
	t := h.t
	olga := h.as("olga")
	sam, session := h.signIn("sam")
	_, own := h.token(sam, directory.NewToken{Name: "own", Scopes: []directory.Scope{directory.ScopeRead}})
	ci, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["sam"]})
	h.must(err)
	_, service := h.token(sam, directory.NewToken{Account: ci.ID, Name: "ci", Scopes: []directory.Scope{directory.ScopeGate}})
	second, code, err := h.AddAccount(t.Context(), olga, h.people["sam"], "sam-admin")
	h.must(err)
	c = directory.Credentials{Username: second.Username, Code: code, Password: "seven brass kettles sing", Address: office}
	linked, err := h.Redeem(t.Context(), c)
	h.must(err)
	group, err := h.AddGroup(t.Context(), olga, "leads", "")
	h.must(err)
	h.must(h.apply(directory.Grant{Op: directory.JoinGroup, Person: h.people["sam"], Into: group.ID}))
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: group.ID, Role: "engineering-lead"}))

	return map[string]string{"session": session, "own token": own, "service token": service, "session of the linked account": linked.Bearer.Reveal()}, ci, c
}

// gone wants a person to count nowhere, nor the service account that they owned.
func (h *house) gone(name string, service directory.AccountID) {
	h.t.Helper()
	r, t := h.roster(), h.t
	if r.Active(h.people[name]) || len(r.Roles(h.people[name])) > 0 || slices.Contains(r.Holders("security-lead"), h.people[name]) ||
		slices.ContainsFunc(r.People(), isPerson(h.people[name])) {
		t.Error(name + " still counts")
	}
	if _, ok := r.ServiceOwner(service); ok {
		t.Error("a service account without an active owner is live")
	}
	if _, ok := r.ServiceNamed("ci"); ok {
		t.Error("a service account without an active owner is found")
	}
	if _, ok := r.Named(name); ok {
		t.Error("a disabled person is found by username")
	}
	if got := r.WithEmail(name + "@example.com"); len(got) != 1 {
		t.Error("a disabled author of a commit is no longer excluded")
	}
}

func TestNothingNewIsMadeForADisabledPerson(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, account := h.as("olga"), directory.AccountID(h.as("sam").Account)
	h.must(h.Disable(t.Context(), olga, h.people["sam"], "left the company"))
	_, _, err := h.AddAccount(t.Context(), olga, h.people["sam"], "sam-new")
	h.refused(err, "person_disabled")
	_, err = h.Reset(t.Context(), olga, account)
	h.refused(err, "person_disabled")
	_, err = h.AddService(t.Context(), olga, directory.NewService{Username: "ci2", Owner: h.people["sam"]})
	h.refused(err, "person_disabled")
}

func isPerson(id directory.PersonID) func(policyPerson) bool {
	return func(p policyPerson) bool { return p.ID == string(id) }
}

func TestTheLastOfficerStays(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	h.refused(h.Disable(t.Context(), h.as("sam"), h.people["dev"], "because"), "not_allowed")
	h.refused(h.Disable(t.Context(), olga, "per_nobody", "because"), "no_person")
	h.refused(h.Disable(t.Context(), olga, h.people["dev"], " "), "no_reason")
	h.must(h.Disable(t.Context(), olga, h.people["otto"], "left the company"))
	h.refused(h.Disable(t.Context(), olga, h.people["olga"], "leaves too"), "last_officer")
	h.refused(h.apply(directory.Grant{Op: directory.RevokeRole, Person: h.people["olga"], Role: directory.Officer}), "last_officer")
	// an officer for a while is not one that remains
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["erin"], Role: directory.Officer, Until: until(h.clock, 1e9)}))
	h.refused(h.apply(directory.Grant{Op: directory.RevokeRole, Person: h.people["olga"], Role: directory.Officer}), "last_officer")
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["sam"], Role: directory.Officer}))
	h.must(h.apply(directory.Grant{Op: directory.RevokeRole, Person: h.people["olga"], Role: directory.Officer}))
	h.refused(h.Disable(t.Context(), olga, h.people["dev"], "no officer any more"), "not_allowed")
	h.noted("request.denied")
	h.whole()
}

func TestManySessionsAndTokensEndInOneTransaction(t *testing.T) {
	t.Parallel()
	h := open(t)
	sam := h.as("sam")
	for range 230 {
		h.token(sam, directory.NewToken{Name: "one of many", Scopes: []directory.Scope{directory.ScopeRead}})
	}
	h.must(h.Disable(t.Context(), h.as("olga"), h.people["sam"], "left the company"))
	list, err := h.Tokens(t.Context(), h.as("olga"), h.people["sam"])
	h.must(err)
	for _, x := range list {
		if x.Revoked == 0 {
			t.Fatalf("token %s lives on", x.ID)
		}
	}
	h.whole()
}

func TestAFailingHookKeepsThePersonAsTheyWere(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, session := h.signIn("sam")
	olga := h.as("olga")
	h.Wire(directory.Hooks{OnDisabled: func(*db.Tx, directory.PersonID) error {
		return fault.New(fault.Conflict, "cannot", "Cannot.")
	}})
	h.refused(h.Disable(t.Context(), olga, h.people["sam"], "left"), "cannot")
	_, err := h.Recognise(t.Context(), session)
	h.must(err)
	if !h.roster().Active(h.people["sam"]) {
		t.Error("sam is half disabled")
	}
	h.whole()
}

// Whatever else is forgotten when somebody is shut out, no way in leads past the person's own row.
func TestADisabledPersonOrEndedAccountIsNobodyWhateverStillStands(t *testing.T) {
	t.Parallel()
	for what, statement := range map[string]string{
		"person":  "UPDATE directory_person SET disabled = 1 WHERE id = $1",
		"account": "UPDATE directory_account SET ended = 1 WHERE person = $1",
	} {
		h := open(t)
		sam, session := h.signIn("sam")
		_, token := h.token(sam, directory.NewToken{Name: "own", Scopes: []directory.Scope{directory.ScopeRead}})
		_, tokenOfErin := h.token(h.as("erin"), directory.NewToken{Name: "own", Scopes: []directory.Scope{directory.ScopeRead}})
		code, err := h.Reset(t.Context(), h.as("olga"), directory.AccountID(h.as("dev").Account))
		h.must(err)
		for _, who := range []string{"sam", "dev"} {
			h.must(h.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
				if _, err := tx.Exec(statement, string(h.people[who])); err != nil {
					return err
				}
				_, err := ledger.Append(tx, ledger.Event{Verb: "test.forgot", Type: "test", Object: "the rest"})
				return err
			}))
		}
		d := h.desk() // a process that has recognised nobody yet
		for _, bearer := range []string{session, token} {
			if _, err := d.Recognise(t.Context(), bearer); !fault.Is(err, "not_signed_in") {
				t.Errorf("%s: recognised: %s", what, describe(err))
			}
		}
		_, err = d.Recognise(t.Context(), tokenOfErin)
		h.must(err)
		h.refused(h.db.View(t.Context(), func(tx *db.Tx) error { return d.ConfirmIn(tx, sam) }), "not_signed_in")
		_, err = d.Login(t.Context(), creds("sam"))
		h.refused(err, "wrong_credentials")
		c := creds("dev")
		c.Code = code
		_, err = d.Redeem(t.Context(), c)
		h.refused(err, "wrong_credentials")
	}
}

func TestEnablingKeepsWhatDoesNotApprove(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev := h.as("olga"), h.people["dev"]
	plain, leads := h.group("plain", directory.Grant{Person: dev}), h.group("leads", directory.Grant{Person: dev})
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: leads, Role: "security-lead"}))
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: plain, Role: directory.Admin}))
	h.Wire(directory.Hooks{Roles: func(*db.Tx) ([]policy.Role, error) { return packRoles, nil }}) // no hook for what is open
	h.must(h.Disable(t.Context(), olga, dev, "on leave"))
	h.refused(h.Enable(t.Context(), olga, dev, ""), "no_reason")
	h.refused(h.Enable(t.Context(), olga, "per_x", "back"), "no_person")
	h.must(h.Enable(t.Context(), olga, dev, "back"))
	if got := h.roster().Roles(dev); !slices.Equal(got, []string{"admin", "implementer"}) {
		t.Errorf("dev came back with %v, want what approves nothing", got)
	}
	h.whole()
}
