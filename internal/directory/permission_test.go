package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// The whole table: who may do what, by session (upper case) and by a token with every scope.
func TestThePermissionTable(t *testing.T) {
	t.Parallel()
	roles := map[string][]string{"nobody special": nil, "officer": {"security-officer"}, "admin": {"admin"}, "auditor": {"auditor"},
		"lead": {"security-lead"}, "auditor and admin": {"admin", "auditor"}}
	want := map[string]string{
		"nobody special":    "change.decide change.file change.file* change.read change.read* evidence.add evidence.add* gate.use gate.use* inventory.read inventory.read* ledger.read ledger.read* people.read people.read* policy.read policy.read* repo.key* tokens.own",
		"officer":           "change.decide change.file change.file* change.read change.read* evidence.add evidence.add* export export* gate.use gate.use* install.manage inventory.manage inventory.push inventory.push* inventory.read inventory.read* ledger.read ledger.read* office.read people.manage people.read people.read* policy.read policy.read* repo.key* tokens.manage tokens.own webhooks.manage",
		"admin":             "change.decide change.file change.file* change.read change.read* evidence.add evidence.add* export export* gate.use gate.use* inventory.manage inventory.push inventory.push* inventory.read inventory.read* ledger.read ledger.read* office.read people.read people.read* policy.read policy.read* repo.key* tokens.manage tokens.own webhooks.manage",
		"auditor":           "change.read change.read* export export* inventory.read inventory.read* ledger.read ledger.read* office.read people.read people.read* policy.read policy.read* tokens.own",
		"lead":              "change.decide change.file change.file* change.read change.read* evidence.add evidence.add* gate.use gate.use* inventory.read inventory.read* ledger.read ledger.read* people.read people.read* policy.read policy.read* repo.key* tokens.own",
		"auditor and admin": "change.read change.read* export export* inventory.read inventory.read* ledger.read ledger.read* office.read people.read people.read* policy.read policy.read* tokens.own",
	}
	var scopes []string
	for _, s := range directory.Scopes() {
		scopes = append(scopes, string(s))
	}
	session := fault.Actor{Person: "per_a", Account: "acc_a", Kind: fault.Human, Authn: fault.Session}
	token := fault.Actor{Person: "per_a", Account: "acc_b", Kind: fault.Service, Authn: fault.Token, Scopes: scopes}
	for who, held := range roles {
		var got []string
		for _, p := range directory.Permissions() {
			if directory.Allowed(session, held, p) == nil {
				got = append(got, string(p))
			}
			if directory.Allowed(token, held, p) == nil {
				got = append(got, string(p)+"*")
			}
		}
		if s := strings.Join(got, " "); s != want[who] {
			t.Errorf("%s may\n%s\nwant\n%s", who, s, want[who])
		}
	}
}

func TestWhoIsNobodyMayNothing(t *testing.T) {
	t.Parallel()
	every := []string{"security-officer", "admin", "security-lead"}
	var scopes []string
	for _, s := range directory.Scopes() {
		scopes = append(scopes, string(s))
	}
	for what, a := range map[string]fault.Actor{
		"the zero actor":           {},
		"a setup code":             {Kind: fault.Human, Authn: fault.Setup, Account: "setup"},
		"a person without sign-in": {Kind: fault.Human, Person: "per_a"},
		"a session without person": {Kind: fault.Human, Authn: fault.Session, Account: "acc_a"},
		"a service in a session":   {Kind: fault.Service, Authn: fault.Session, Person: "per_a"},
		"the server itself":        fault.SystemActor("job"),
		"a token of nobody":        {Kind: fault.Service, Authn: fault.Token, Scopes: scopes},
		"a token of no kind":       {Authn: fault.Token, Person: "per_a", Scopes: scopes},
		"a token of the server":    {Kind: fault.System, Authn: fault.Token, Person: "per_a", Scopes: scopes},
		"a token without scopes":   {Kind: fault.Service, Authn: fault.Token, Person: "per_a"},
		"a token with odd scopes":  {Kind: fault.Service, Authn: fault.Token, Person: "per_a", Scopes: []string{"", "approve", "*", "READ"}},
		"an unknown kind":          {Kind: "robot", Authn: fault.Session, Person: "per_a"},
	} {
		for _, p := range append(directory.Permissions(), "", "everything") {
			if directory.Allowed(a, every, p) == nil {
				t.Errorf("%s may %s", what, p)
			}
		}
	}
	for _, p := range []directory.Permission{"", "everything", "change.read "} {
		if directory.Allowed(fault.Actor{Person: "per_a", Kind: fault.Human, Authn: fault.Session}, every, p) == nil {
			t.Errorf("somebody may %q", p)
		}
	}
}

func TestAScopeGivesNoMoreThanItsName(t *testing.T) {
	t.Parallel()
	want := map[directory.Scope]string{
		directory.ScopeRead: "change.read inventory.read policy.read", directory.ScopeFile: "change.file", directory.ScopeEvidence: "evidence.add",
		directory.ScopeGate: "gate.use repo.key", directory.ScopeAdmin: "ledger.read people.read",
	}
	for _, s := range directory.Scopes() {
		var got []string
		for _, p := range directory.Permissions() {
			if directory.Allowed(fault.Actor{Person: "per_a", Kind: fault.Human, Authn: fault.Token, Scopes: []string{string(s)}}, nil, p) == nil {
				got = append(got, string(p))
			}
		}
		if fmt.Sprint(got) != "["+want[s]+"]" {
			t.Errorf("%s gives %v, want %s", s, got, want[s])
		}
	}
	if slices.Contains(directory.Scopes(), "") {
		t.Error("there is an empty scope")
	}
}

func TestAllowAsksTheRolesOfNow(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev := h.as("olga"), h.as("dev")
	h.must(h.Allow(t.Context(), olga, directory.PeopleManage))
	h.refused(h.Allow(t.Context(), dev, directory.PeopleManage), "not_allowed")
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: directory.Officer}))
	h.must(h.Allow(t.Context(), dev, directory.PeopleManage))
	h.must(h.Disable(t.Context(), olga, h.people["dev"], "left"))
	h.refused(h.Allow(t.Context(), dev, directory.ChangeRead), "not_signed_in")
}

// Each role that the program itself lets do something says so; one of a pack says it there.
func TestARoleSaysWhatItMay(t *testing.T) {
	t.Parallel()
	for _, role := range []directory.RoleName{directory.Officer, directory.Admin, directory.Auditor} {
		if directory.May(role) == "" {
			t.Errorf("%s does not say what it may", role)
		}
	}
	if got := directory.May("implementer"); got != "" {
		t.Errorf("a role of the pack says %q", got)
	}
}
