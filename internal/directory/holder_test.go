package directory

import (
	"context"
	"math"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// This file holds the rules that only rows past the use-cases can break: service accounts with a password,
// secrets of another form, people who are not there. Each alone must be enough.

// odd is a database with sam, somebody disabled, and a service account that has a password.
func odd(t *testing.T) (*Desk, *db.DB, map[string]Account) {
	t.Helper()
	d := dbtest.Open(t, dbtest.NewClock())
	desk := New(d, make([]byte, 32))
	desk.HashCheaply()
	phc, err := desk.hashing.hash(t.Context(), "copper lantern meadow 42")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Account{}
	err = d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		for _, p := range []Person{{ID: "per_sam", Name: "Sam", Email: "sam@example.com"}, {ID: "per_gone", Name: "Gone", Email: "gone@example.com", Disabled: 1}} {
			if err := insertPerson(tx, p); err != nil {
				return err
			}
		}
		for name, x := range map[string]struct {
			person PersonID
			kind   AccountKind
		}{"sam": {"per_sam", Local}, "gone": {"per_gone", Local}, "ci": {"per_sam", Service}} {
			a, err := newAccount(x.person, x.kind, name, "", 0)
			if err != nil {
				return err
			}
			a.password = phc
			all[name] = a
			if err := insertAccount(tx, a); err != nil {
				return err
			}
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "test.rows", Type: "person", Object: "per_sam"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return desk, d, all
}

func TestOnlyALiveAccountOfALivePersonIsAWayIn(t *testing.T) {
	t.Parallel()
	desk, d, all := odd(t)
	if err := d.View(t.Context(), func(tx *db.Tx) error {
		if _, _, err := desk.mayEnter(tx, all["sam"].ID); err != nil {
			t.Errorf("sam: %v", err)
		}
		if _, err := holder(tx, all["ci"].ID, ""); err != nil {
			t.Errorf("the pipeline behind its token: %v", err)
		}
		for name, id := range map[string]AccountID{"nobody": "acc_none", "gone": all["gone"].ID, "ci": all["ci"].ID} {
			if _, _, err := desk.mayEnter(tx, id); !fault.Is(err, "wrong_credentials") {
				t.Errorf("%s enters: %v, want wrong_credentials", name, err)
			}
			if _, err := holder(tx, "acc_none", ""); !fault.Is(err, "not_signed_in") {
				t.Errorf("nobody holds a token: %v, want not_signed_in", err)
			}
			if _, err := holder(tx, id, Local); !fault.Is(err, "not_signed_in") {
				t.Errorf("%s holds a session: %v, want not_signed_in", name, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAServiceAccountNeverSignsIn(t *testing.T) {
	t.Parallel()
	desk, _, _ := odd(t)
	if _, err := desk.Login(t.Context(), Credentials{Username: "ci", Password: "copper lantern meadow 42"}); !fault.Is(err, "wrong_credentials") {
		t.Errorf("signed in: %v, want wrong_credentials", err)
	}
	if _, err := desk.Login(t.Context(), Credentials{Username: "sam", Password: "copper lantern meadow 42"}); err != nil {
		t.Errorf("sam: %v", err)
	}
}

func TestNobodyIsConfirmed(t *testing.T) {
	t.Parallel()
	desk, d, _ := odd(t)
	if err := d.View(t.Context(), func(tx *db.Tx) error {
		for name, a := range map[string]fault.Actor{
			"nobody":               {},
			"a setup code":         {Kind: fault.Human, Authn: fault.Setup, Person: "per_sam"},
			"an unknown session":   {Kind: fault.Human, Authn: fault.Session, Person: "per_sam", Via: "ses_none"},
			"an unknown token":     {Kind: fault.Human, Authn: fault.Token, Person: "per_sam", Via: "tok_none"},
			"somebody as a server": {Kind: fault.System, Authn: fault.Session},
		} {
			if err := desk.ConfirmIn(tx, a); !fault.Is(err, "not_signed_in") {
				t.Errorf("%s: %v, want not_signed_in", name, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestABearerIsOneOfOurForms(t *testing.T) {
	t.Parallel()
	desk, _, _ := odd(t)
	for name, bearer := range map[string]string{"nothing": "", "garbage": "plb_ses_x", "of another program": newBearer("plb_xyz_").Reveal()} {
		if _, _, ok := readBearer(bearer); ok {
			t.Errorf("%s passes for a bearer", name)
		}
		if _, err := desk.Recognise(t.Context(), bearer); !fault.Is(err, "not_signed_in") {
			t.Errorf("%s: %v, want not_signed_in", name, err)
		}
	}
	for _, prefix := range []string{sessionPrefix, tokenPrefix} { // well-formed, and never given out
		if _, err := desk.Recognise(t.Context(), newBearer(prefix).Reveal()); !fault.Is(err, "not_signed_in") {
			t.Errorf("an unknown %s: %v, want not_signed_in", prefix, err)
		}
	}
}

func TestOnlyAReadableHashIsAPassword(t *testing.T) {
	t.Parallel()
	desk, _, all := odd(t)
	good := all["sam"].password
	if !ParsePHC(good) {
		t.Fatalf("%s is no hash", good)
	}
	for name, s := range map[string]string{"something before": "x" + good, "another algorithm": strings.Replace(good, "argon2id", "argon2i", 1),
		"another version": strings.Replace(good, "v=19", "v=16", 1), "no cost": strings.Replace(good, "m=64,", "", 1), "a part less": good[:strings.LastIndexByte(good, '$')]} {
		if ParsePHC(s) {
			t.Errorf("%s passes for a hash", name)
		}
	}
	if ok, err := desk.hashing.verify(context.Background(), "", ""); ok || err != nil {
		t.Errorf("no hash fits no password: %v, %v", ok, err)
	}
}

func TestAKeyOpensOnlyInItsForm(t *testing.T) {
	t.Parallel()
	desk, _, _ := odd(t)
	sealed, err := desk.seal("web", []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := desk.unseal("web", sealed); err != nil {
		t.Errorf("the sealed key: %v", err)
	}
	for name, s := range map[string]string{"nothing": "", "another form": "v2:" + sealed[3:], "no base64": "v1:%", "nothing inside": "v1:"} {
		if _, err := desk.unseal("web", s); err == nil {
			t.Errorf("%s opens", name)
		}
	}
	if _, err := desk.unseal("api", sealed); err == nil {
		t.Error("a key opens for another repository")
	}
	session := fault.Actor{Kind: fault.Human, Authn: fault.Session, Person: "per_sam", Repo: "web"}
	if _, err := desk.RepoKey(t.Context(), session, "web"); !fault.Is(err, "repo_not_bound") {
		t.Errorf("a session gets the key: %v, want repo_not_bound", err)
	}
}

func TestNamesThatAreNoneFindNobody(t *testing.T) {
	t.Parallel()
	s := stored{persons: []Person{{ID: "per_sam"}}, groups: map[GroupID]Group{"grp_x": {ID: "grp_x"}},
		accounts: []Account{{ID: "acc_blank", Person: "per_sam", Kind: Local}, {ID: "acc_old", Person: "per_sam", Kind: Local, fold: "old", Ended: 1},
			{ID: "acc_ci", Person: "per_sam", Kind: Service, fold: "ci", Ended: 1}, {ID: "acc_now", Person: "per_sam", Kind: Local, fold: "now"}}}
	r := newRoster(s, 1)
	if p, ok := r.Named("now"); !ok || p != "per_sam" {
		t.Errorf("now is %s, %v, want sam", p, ok)
	}
	for _, name := range []string{"", "a b", "unknown", "old", "ci"} {
		if p, ok := r.Named(name); ok {
			t.Errorf("%q is %s", name, p)
		}
		if _, ok := r.ServiceNamed(name); ok {
			t.Errorf("%q is a live pipeline", name)
		}
		if g, ok := r.GroupNamed(name); ok {
			t.Errorf("%q is the group %s", name, g)
		}
	}
	for _, id := range []AccountID{"", "acc_none", "acc_now", "acc_ci"} {
		if p, ok := r.ServiceOwner(id); ok {
			t.Errorf("%q is a live pipeline of %s", id, p)
		}
	}
	if err := usernameFree(r, "a b"); !fault.Is(err, "bad_name") {
		t.Errorf("a name that is none is free: %v", err)
	}
}

func TestAMemberIsRefusedOrTaken(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		note func(*fault.Error)
		bad  bool
	}{
		"an address": {func(e *fault.Error) { checkEmail(e, "x", "sam@example.com") }, false},
		"an endless address": {func(e *fault.Error) {
			checkEmail(e, "x", strings.Repeat("a", 60)+"@"+strings.Repeat("a.", 100)+"example")
		}, true},
		"a line":                   {func(e *fault.Error) { checkLine(e, "x", "Sam", 3, true) }, false},
		"a line that is no text":   {func(e *fault.Error) { checkLine(e, "x", "\xff", 3, true) }, true},
		"a line with a turn":       {func(e *fault.Error) { checkLine(e, "x", "\u202e", 3, true) }, true},
		"a line that is too long":  {func(e *fault.Error) { checkLine(e, "x", "Samu", 3, true) }, true},
		"a line that is not there": {func(e *fault.Error) { checkLine(e, "x", " ", 3, true) }, true},
	} {
		e := fault.New(fault.Invalid, "bad", "Bad.")
		if x.note(e); (len(e.Fields) > 0) != x.bad {
			t.Errorf("%s: %+v", name, e.Fields)
		}
	}
	for _, name := range []string{"\u0441\u043e\u0440\u0435", "\u0441\u043e\u0440\u04351", "\u0441\u043e\u0440.\u0435"} {
		if _, err := Fold(name); err == nil {
			t.Errorf("%q, drawn like a Latin name, is taken", name)
		}
	}
}

func TestOnlyActivePeopleAndGroupsAreGrantedRoles(t *testing.T) {
	t.Parallel()
	s := stored{persons: []Person{{ID: "per_sam"}, {ID: "per_gone", Disabled: 1}}, groups: map[GroupID]Group{"grp_x": {ID: "grp_x"}}}
	r := newRoster(s, 1)
	k := known{"implementer": false}
	for name, x := range map[string]struct {
		g    Grant
		good bool
	}{
		"a role to sam":                    {Grant{Op: GrantRole, Role: "implementer", Person: "per_sam"}, true},
		"a role to nobody":                 {Grant{Op: GrantRole, Role: "implementer"}, false},
		"a role to somebody disabled":      {Grant{Op: GrantRole, Role: "implementer", Person: "per_gone"}, false},
		"a place for somebody disabled":    {Grant{Op: JoinGroup, Into: "grp_x", Person: "per_gone"}, false},
		"a place left by somebody gone":    {Grant{Op: LeaveGroup, Into: "grp_x", Person: "per_gone"}, true},
		"a place left by nobody known":     {Grant{Op: LeaveGroup, Into: "grp_x", Person: "per_none"}, false},
		"a role taken from nobody known":   {Grant{Op: RevokeRole, Role: "implementer", Person: "per_none"}, false},
		"a role to a group that is none":   {Grant{Op: GrantRole, Role: "implementer", Group: "grp_none"}, false},
		"a place in a group that is none":  {Grant{Op: JoinGroup, Into: "grp_none", Person: "per_sam"}, false},
		"a role that the policy lacks":     {Grant{Op: GrantRole, Role: "king", Person: "per_sam"}, false},
		"a role whose end is past":         {Grant{Op: GrantRole, Role: "implementer", Person: "per_sam", Until: 10}, false},
		"something else than these things": {Grant{Op: "crown", Role: "implementer", Person: "per_sam"}, false},
	} {
		if err := r.wellFormed(x.g, k, 10); (err == nil) != x.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnotherOfficerVouchesForAnOpenRedeemedLending(t *testing.T) {
	t.Parallel()
	l := Lending{Account: "acc_sam", Person: "per_sam", By: "per_olga", At: 5}
	r := newRoster(stored{persons: []Person{{ID: "per_sam"}, {ID: "per_olga"}, {ID: "per_otto"}}, lendings: []Lending{l,
		{Account: "acc_otto", Person: "per_sam", By: "per_olga", At: 1, Until: 2}}}, 10)
	a := Account{ID: "acc_sam", Person: "per_sam"}
	if got, open := r.lending(a); !open || got.By != "per_olga" {
		t.Errorf("lending = %+v, %v", got, open)
	}
	if _, open := r.lending(Account{ID: "acc_otto", Person: "per_sam"}); open {
		t.Error("a lending that ended is open")
	}
	by := func(p PersonID) fault.Actor {
		return fault.Actor{Person: string(p), Kind: fault.Human, Authn: fault.Session}
	}
	unredeemed := a
	unredeemed.once = "hash"
	for name, x := range map[string]struct {
		code string
		err  error
	}{
		"the other officer":     {"", r.mayVouch(by("per_otto"), a, l, true)},
		"nothing to vouch for":  {"not_lent", r.mayVouch(by("per_otto"), a, l, false)},
		"a code still out":      {"not_redeemed", r.mayVouch(by("per_otto"), unredeemed, l, true)},
		"who issued the code":   {"own_voucher", r.mayVouch(by("per_olga"), a, l, true)},
		"the person themselves": {"own_voucher", r.mayVouch(by("per_sam"), a, Lending{By: "per_none"}, true)},
	} {
		if (x.err == nil) != (x.code == "") || x.err != nil && !fault.Is(x.err, x.code) {
			t.Errorf("%s: %v, want %q", name, x.err, x.code)
		}
	}
	if got := r.Lenders("per_sam", math.MaxInt64); len(got) != 1 {
		t.Errorf("lenders = %v, want olga", got)
	}
}
