package directory_test

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

func TestOneUsernameIsOneAccountWhateverItLooksLike(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	for i, username := range []string{"sam", "SAM", "ｓａｍ"} {
		n := directory.NewPerson{Name: "X", Email: strings.Repeat("x", i+1) + "@example.com", Username: username}
		_, _, err := h.AddPerson(t.Context(), olga, n)
		h.refused(err, "username_taken")
		_, _, err = h.AddAccount(t.Context(), olga, h.people["erin"], username)
		h.refused(err, "username_taken")
		_, err = h.AddService(t.Context(), olga, directory.NewService{Username: username, Owner: h.people["erin"]})
		h.refused(err, "username_taken")
	}
	_, _, err := h.AddPerson(t.Context(), olga, directory.NewPerson{Name: "X", Email: "x@example.com", Username: "s\u0430m"})
	h.refused(err, "bad_person")
	_, _, err = h.AddAccount(t.Context(), olga, h.people["erin"], "s\u0430m")
	h.refused(err, "bad_name")
}

func TestLinkedAccountsAreOnePerson(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	a, code, err := h.AddAccount(t.Context(), olga, h.people["sam"], "sam-admin")
	h.must(err)
	o, err := h.Redeem(t.Context(), directory.Credentials{Username: "sam-admin", Code: code, Password: "seven brass kettles sing", Address: office})
	h.must(err)
	actor, err := h.Recognise(t.Context(), o.Bearer.Reveal())
	h.must(err)
	sam := h.as("sam")
	if actor.Person != sam.Person || actor.Account == sam.Account {
		t.Errorf("%+v and %+v are not one person by two accounts", actor, sam)
	}
	if p, ok := h.roster().PersonOf(a.ID); !ok || p != h.people["sam"] {
		t.Errorf("PersonOf = %v, %v", p, ok)
	}
	list, err := h.Accounts(t.Context(), h.people["sam"])
	h.must(err)
	if len(list) != 2 {
		t.Errorf("accounts = %+v", list)
	}
	_, _, err = h.AddAccount(t.Context(), olga, h.people["olga"], "olga2")
	h.refused(err, "own_credential")
	_, _, err = h.AddAccount(t.Context(), olga, "per_x", "x")
	h.refused(err, "no_person")

	h.refused(h.EndAccount(t.Context(), olga, a.ID, ""), "no_reason")
	h.refused(h.EndAccount(t.Context(), sam, a.ID, "because"), "not_allowed")
	h.must(h.EndAccount(t.Context(), olga, a.ID, "not needed"))
	_, err = h.Recognise(t.Context(), o.Bearer.Reveal())
	h.refused(err, "session_over")
	h.refused(h.EndAccount(t.Context(), olga, a.ID, "again"), "account_ended")
	h.refused(h.EndAccount(t.Context(), olga, directory.AccountID(sam.Account), "the last one"), "only_account")
	if p, ok := h.roster().PersonOf(a.ID); !ok || p != h.people["sam"] {
		t.Error("what was done by an ended account has lost its person")
	}
	h.signIn("sam")
	all, err := h.Accounts(t.Context(), "")
	h.must(err)
	if len(all) != 7 || !slices.ContainsFunc(all, func(x directory.Account) bool { return x.ID == a.ID && x.Ended > 0 }) {
		t.Errorf("all accounts = %+v", all)
	}
	h.whole()
}

func TestOnlyOfficersManagePeople(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: directory.Admin}))
	olga := h.as("olga")
	_, own := h.token(olga, directory.NewToken{Name: "own", Scopes: directory.Scopes()})
	officersToken, err := h.Recognise(t.Context(), own)
	h.must(err)
	id := h.people["erin"]
	erins := directory.AccountID(h.as("erin").Account)
	for who, actor := range map[string]fault.Actor{"a lead": h.as("sam"), "an admin": h.as("dev"), "an auditor": h.as("audra"),
		"an officer's token": officersToken, "nobody": {}, "the server": fault.SystemActor("job"), "a setup code": {Kind: fault.Human, Authn: fault.Setup}} {
		for what, err := range map[string]error{
			"add a person":   second(h.AddPerson(t.Context(), actor, directory.NewPerson{Name: "X", Email: "x@example.com", Username: "x"})),
			"edit a person":  first(h.EditPerson(t.Context(), actor, id, "X", "x@example.com", "")),
			"disable":        h.Disable(t.Context(), actor, id, "because"),
			"enable":         h.Enable(t.Context(), actor, id, "because"),
			"add an account": second(h.AddAccount(t.Context(), actor, id, "x")),
			"add a service":  first(h.AddService(t.Context(), actor, directory.NewService{Username: "x", Owner: id})),
			"end an account": h.EndAccount(t.Context(), actor, erins, "because"),
			"reset":          first(h.Reset(t.Context(), actor, erins)),
			"add a group":    first(h.AddGroup(t.Context(), actor, "x", "")),
			"drop a group":   h.DropGroup(t.Context(), actor, "grp_x"),
			"assign":         h.Assign(t.Context(), actor, directory.Grant{Op: directory.GrantRole, Person: id, Role: "implementer"}),
		} {
			if k := fault.Of(err).Kind; err == nil || k != fault.Denied && k != fault.Unauthenticated {
				t.Errorf("%s may %s: %s", who, what, describe(err))
			}
		}
	}
	h.whole()
}

func first[T any](_ T, err error) error          { return err }
func second[T, U any](_ T, _ U, err error) error { return err }

func TestAPersonIsEdited(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	p, err := h.EditPerson(t.Context(), olga, h.people["erin"], "Erin Married", "erin.m@example.com", "on leave in May")
	h.must(err)
	if p.Name != "Erin Married" || h.roster().Name(p.ID) != "Erin Married" || len(h.roster().WithEmail("erin@example.com")) != 0 {
		t.Errorf("person = %+v", p)
	}
	_, err = h.EditPerson(t.Context(), olga, h.people["erin"], "Erin", "sam@example.com", "")
	h.refused(err, "email_taken")
	_, err = h.EditPerson(t.Context(), olga, h.people["erin"], "Erin", "erin.m+1@example.com", "")
	h.must(err) // still the same mailbox
	_, err = h.EditPerson(t.Context(), olga, "per_x", "Erin", "y@example.com", "")
	h.refused(err, "no_person")
	for _, bad := range [][3]string{{"", "e@example.com", ""}, {"Erin\u202e", "e@example.com", ""}, {"Erin", "e", ""}, {strings.Repeat("x", 201), "e@example.com", ""}, {"Erin", "e@example.com", "\x07"}} {
		_, err = h.EditPerson(t.Context(), olga, h.people["erin"], bad[0], bad[1], bad[2])
		h.refused(err, "bad_person")
	}
	people, err := h.People(t.Context())
	h.must(err)
	if len(people) != 6 || !slices.IsSortedFunc(people, func(a, b directory.Person) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("people = %+v", people)
	}
	h.whole()
}

// A story through every use-case; after it each row of this room has an event that answers for it, and
// no table of this room was left out.
func TestEveryRowIsAnsweredFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev := h.as("olga"), h.as("dev")
	p, code, err := h.AddPerson(t.Context(), olga, directory.NewPerson{Name: "New", Email: "new@example.com", Username: "new", Note: "contractor"})
	h.must(err)
	_, err = h.Redeem(t.Context(), directory.Credentials{Username: "new", Code: code, Password: "seven brass kettles sing", Address: office})
	h.must(err)
	_, err = h.Login(t.Context(), wrongPassword("sam"))
	h.refused(err, "wrong_credentials")
	ci, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["dev"], Repos: []string{"acme/infra"}})
	h.must(err)
	_, secret := h.token(dev, directory.NewToken{Account: ci.ID, Name: "ci", Scopes: directory.Scopes(), Repo: "acme/infra", Pipe: "deploy"})
	pipeline, err := h.Recognise(t.Context(), secret)
	h.must(err)
	_, err = h.RepoKey(t.Context(), pipeline, "acme/infra")
	h.must(err)
	g := h.group("team", directory.Grant{Person: p.ID})
	h.must(h.Assign(t.Context(), olga, directory.Grant{Op: directory.GrantRole, Group: g, Role: "implementer"}))
	h.refused(h.Assign(t.Context(), olga, directory.Grant{Op: directory.GrantRole, Group: g, Role: "security-lead"}), "grant_needs_change")
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: g, Role: "security-lead"}))
	groups, err := h.Groups(t.Context())
	h.must(err)
	if len(groups) != 1 || groups[0].ID != g || len(groups[0].Members) != 1 || groups[0].Members[0].Person != p.ID {
		t.Errorf("groups = %+v", groups)
	}
	if id, ok := h.roster().GroupNamed("TEAM"); !ok || id != g {
		t.Errorf("GroupNamed = %v, %v", id, ok)
	}
	h.must(h.Disable(t.Context(), olga, p.ID, "contract ended"))
	h.must(h.Enable(t.Context(), olga, p.ID, "contract renewed"))
	h.must(h.Flush(t.Context()))
	if got := h.roster().Roles(p.ID); len(got) != 0 {
		t.Errorf("came back with %v", got) // the group gives an approving role, so the place in it was dropped
	}

	h.must(h.db.View(t.Context(), func(tx *db.Tx) error {
		tables, err := h.db.Covered(tx)
		for _, table := range append(tables, "directory_presence", "directory_attempt") {
			var n int64
			if !strings.HasPrefix(table, "directory_") || table == "directory_member" {
				continue
			}
			if err := tx.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
				return err
			}
			if n == 0 {
				t.Errorf("the story leaves %s empty", table)
			}
		}
		return err
	}))
	h.whole()
}
