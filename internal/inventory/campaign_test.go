package inventory_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// signedOut is a directory whose listed people have no session any more.
type signedOut map[string]bool

var errSignedOut = errors.New("signed out")

func (s signedOut) ConfirmIn(_ *db.Tx, a fault.Actor) error {
	if s[a.Person] {
		return errSignedOut
	}
	return nil
}

// house is a firm with people: campaigns go through a desk of their own on the firm's database.
type house struct {
	*firm
	camp *inventory.Desk
	dir  *directory.Desk
	out  signedOut
	ids  map[string]directory.PersonID
	code map[string]seal.Secret // one-time, by which each first comes in
}

func peopled(t *testing.T) *house {
	t.Helper()
	h := &house{firm: found(t), out: signedOut{}}
	h.dir = directory.New(h.db, bytes.Repeat([]byte{7}, 32))
	h.dir.HashCheaply()
	roles := []policy.Role{{Name: "security-officer", Approves: true}}
	h.dir.Wire(directory.Hooks{Roles: func(*db.Tx) ([]policy.Role, error) { return roles, nil }, OnDisabled: func(*db.Tx, directory.PersonID) error { return nil }})
	var staff []directory.SetupPerson
	for _, name := range []string{"olga", "otto", "sam", "erin", "dev"} {
		staff = append(staff, directory.SetupPerson{Name: name + " of Example", Username: name, Email: name + "@example.com"})
	}
	code, err := h.dir.EnsureSetupCode(t.Context(), "")
	h.must(err)
	made, err := h.dir.Ceremony(t.Context(), code, directory.Setup{Company: "Example Ltd", Zone: "Europe/Berlin", Officers: []string{"olga", "otto"}, People: staff},
		directory.Ending{Install: "install_test", Roles: roles, Check: func([]policy.Person) error { return nil },
			Activate: func(*db.Tx, directory.PersonID) error { return nil }}, "cli", "req_1")
	h.must(err)
	h.ids, h.code = made.People, made.Codes
	h.camp = inventory.New(inventory.Deps{DB: h.db, People: h.out, Roster: h.dir})
	return h
}

func (h *house) id(name string) string { return string(h.ids[name]) }

func (h *house) as(name string) fault.Actor {
	return fault.Actor{Person: h.id(name), Account: "acc_" + name, Kind: fault.Human, Authn: fault.Session, Source: "api"}
}

// disable ends somebody, by an officer in a session of the real directory.
func (h *house) disable(name string) {
	h.t.Helper()
	in, err := h.dir.Redeem(h.t.Context(), directory.Credentials{Username: "olga", Password: "copper lantern meadow 42", Code: h.code["olga"],
		Address: netip.MustParseAddr("192.0.2.7")})
	h.must(err)
	olga, err := h.dir.Recognise(h.t.Context(), in.Bearer.Reveal())
	h.must(err)
	h.must(h.dir.Disable(h.t.Context(), olga, h.ids[name], "left"))
}

// read reads a source, and has somebody who takes no part name the owners that it speaks of: a source's word makes nobody a reviewer.
func (h *house) read(source string, records ...inventory.Record) {
	h.t.Helper()
	h.firm.read(source, records...)
	keeper := fault.Actor{Person: "per_keeper", Account: "acc_keeper", Kind: fault.Human, Authn: fault.Session, Source: "api"}
	for _, a := range h.assets() {
		if owner := a.Label(inventory.LabelOwner); owner != "" && a.NamedOwner() == "" {
			_, err := h.SetLabels(h.t.Context(), keeper, string(a.ID), map[string]string{inventory.LabelOwner: owner}, "they run it", "")
			h.must(err)
		}
	}
}

func labelled(n int, owner, environment, classification string) inventory.Record {
	r := server(n)
	r.Labels = map[string]string{"owner": owner, "environment": environment, "classification": classification}
	return r
}

// order is a campaign over everything, due in a week; erin and then dev review what an owner cannot.
func (h *house) order(kind inventory.CampaignKind) inventory.NewCampaign {
	return inventory.NewCampaign{Name: "Autumn", Kind: kind, Due: h.clock.Now().Add(7 * 24 * time.Hour).UnixMicro(), Share: 100, Fallbacks: []string{"erin", "dev@example.com"}}
}

func (h *house) open(n inventory.NewCampaign) inventory.CampaignView {
	h.t.Helper()
	v, err := h.camp.OpenCampaign(h.t.Context(), h.as("olga"), n)
	h.must(err)
	return v
}

func (h *house) items(id string) (inventory.CampaignView, []inventory.ItemView) {
	h.t.Helper()
	v, list, err := h.camp.CampaignOf(h.t.Context(), id)
	h.must(err)
	return v, list
}

// answer answers for the campaign's item with that position, as it is now.
func (h *house) answer(id, who string, n int, word inventory.Word, comment string, fields ...string) error {
	h.t.Helper()
	_, list := h.items(id)
	_, err := h.camp.AnswerItem(h.t.Context(), h.as(who), id, inventory.Reply{Asset: string(list[n].Asset), Version: list[n].Now.Version, Word: word,
		Comment: comment, Fields: fields})
	return err
}

func (h *house) sign(id, who string) error {
	h.t.Helper()
	v, _ := h.items(id)
	_, err := h.camp.SignCampaign(h.t.Context(), h.as(who), id, v.Signable, "seen")
	return err
}

func (h *house) refused(err error, code string) {
	h.t.Helper()
	if !fault.Is(err, code) {
		h.t.Errorf("got %v, want %s", err, code)
	}
}

func drawn(list []inventory.ItemView) (out []string) {
	for _, i := range list {
		if i.Asked {
			out = append(out, i.Frozen.Name)
		}
	}
	return out
}

func TestACampaignAsksAboutAllThatMattersAndAShareThatItsHeadDraws(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	list := []inventory.Record{labelled(1, "sam", "prod", "critical"), labelled(2, "sam", "prod", "confidential"), server(3)} // nobody labelled web-3
	for n := 4; n < 24; n++ {
		list = append(list, labelled(n, "sam", "test", "critical"))
	}
	h.read("cloud", list...)
	n := h.order(inventory.Attestation)
	n.Share = 11
	one, two := h.open(n), h.open(n)
	v, items := h.items(one.ID)
	if v.Items != 23 || v.Asked != 3+3 || v.State != "running" || v.Standings[inventory.StandingNotAsked] != 17 || v.Signable != "" {
		t.Errorf("it is %+v", v)
	}
	for _, name := range []string{"web-1", "web-2", "web-3"} {
		if !slices.Contains(drawn(items), name) {
			t.Errorf("%s is not asked about: %v", name, drawn(items))
		}
	}
	_, again := h.items(two.ID)
	if one.Head != two.Head || !slices.Equal(drawn(items), drawn(again)) {
		t.Errorf("the same list draws %v, then %v", drawn(items), drawn(again))
	}
	list[22].Attrs["size"] = inventory.Text("cx52")
	h.read("cloud", list...)
	if three := h.open(n); three.Head == one.Head || three.Difference <= one.Difference {
		t.Errorf("another list has the head %s", three.Head)
	}
	if _, after := h.items(one.ID); after[22].Frozen != items[22].Frozen || after[22].Now.Digest == after[22].Frozen.Digest {
		t.Errorf("the frozen list moved: %+v", after[22])
	}
	h.whole()
}

// Who writes a table does not choose who attests it.
func TestAnOwnerWhomOnlyASourceNamesReviewsNothing(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.firm.read("cloud", labelled(1, "sam", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	if _, items := h.items(v.ID); items[0].Reviewer != h.id("erin") {
		t.Errorf("%s reviews what only a source gave to sam, want the first fallback", items[0].Reviewer)
	}
	h.refused(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""), "not_reviewer")
}

func TestTheOwnerReviewsUnlessTheyLabelledIt(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "SAM@example.com", "prod", "critical"), labelled(2, "somebody else", "prod", "critical"), labelled(3, "sam", "prod", "internal"),
		labelled(4, h.id("otto"), "prod", "critical"), labelled(5, "sam", "test", "internal"))
	_, err := h.SetLabels(t.Context(), h.as("sam"), "web-3", map[string]string{"classification": "critical"}, "card data", "")
	h.must(err)
	_, err = h.SetLabels(t.Context(), h.as("erin"), "web-5", map[string]string{"tier": "mgmt"}, "it manages", "")
	h.must(err)
	h.disable("otto")
	v := h.open(h.order(inventory.Certification))
	_, items := h.items(v.ID)
	var got []string
	for _, i := range items {
		got = append(got, i.Reviewer)
	}
	erin, sam := h.id("erin"), h.id("sam")
	if want := []string{sam, erin, erin, erin, sam}; !slices.Equal(got, want) {
		t.Errorf("reviewers %v, want %v", got, want)
	}
	// sam labels web-1 while it is asked about: the word on it is another's now.
	_, err = h.SetLabels(t.Context(), h.as("sam"), "web-1", map[string]string{"role": "db"}, "it is one", "")
	h.must(err)
	h.refused(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""), "not_reviewer")
	h.must(h.answer(v.ID, "erin", 0, inventory.Confirmed, ""))
	n := h.order(inventory.Certification)
	n.Selection.Name, n.Fallbacks = "web-3", []string{"sam"}
	_, err = h.camp.OpenCampaign(t.Context(), h.as("olga"), n)
	h.refused(err, "no_reviewer")
	h.whole()
}

func TestOnlyTheReviewerAnswersOnceAndForWhatTheyLookedAt(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"), server(2), labelled(3, "sam", "test", "public"))
	n := h.order(inventory.Certification)
	n.Share = 0
	v := h.open(n)
	h.refused(h.answer(v.ID, "dev", 0, inventory.Confirmed, ""), "not_reviewer")
	h.refused(h.answer(v.ID, "olga", 0, inventory.Confirmed, ""), "not_reviewer")
	h.refused(h.answer(v.ID, "sam", 2, inventory.Confirmed, ""), "not_asked")
	h.refused(h.answer(v.ID, "erin", 1, inventory.Confirmed, ""), "nothing_to_confirm")
	h.refused(h.answer(v.ID, "sam", 0, "fine", ""), "bad_answer")
	h.refused(h.answer(v.ID, "sam", 0, inventory.NotNeeded, " "), "bad_answer")
	h.refused(h.answer(v.ID, "sam", 0, inventory.Wrong, "not mine"), "bad_answer") // which label?
	h.refused(h.answer(v.ID, "sam", 0, inventory.Wrong, "not mine", "tier"), "bad_answer")
	h.refused(h.answer(v.ID, "sam", 0, inventory.Confirmed, "", "owner"), "bad_answer")
	h.refused(h.answer(v.ID, "sam", 0, inventory.Confirmed, "bell\a"), "bad_answer")
	answer := func(a fault.Actor, asset string, version int64) error {
		_, err := h.camp.AnswerItem(t.Context(), a, v.ID, inventory.Reply{Asset: asset, Version: version, Word: inventory.Confirmed})
		return err
	}
	_, items := h.items(v.ID)
	h.refused(answer(h.as("sam"), string(items[0].Asset), items[0].Now.Version-1), "asset_moved")
	h.refused(answer(h.as("sam"), "AST-999999", 1), "not_listed")
	h.refused(answer(h.as("sam"), items[0].Now.Name, items[0].Now.Version-1), "asset_moved") // found by its name
	token := h.as("sam")
	token.Authn = fault.Token
	h.refused(answer(token, string(items[0].Asset), items[0].Now.Version), "not_a_person")
	h.refused(answer(fault.SystemActor("discovery"), string(items[0].Asset), items[0].Now.Version), "not_a_person")
	h.out[h.id("sam")] = true
	if err := h.answer(v.ID, "sam", 0, inventory.Confirmed, ""); !errors.Is(err, errSignedOut) {
		t.Errorf("somebody whose session is over answered: %v", err)
	}
	delete(h.out, h.id("sam"))
	h.must(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""))
	h.refused(h.answer(v.ID, "sam", 0, inventory.NotNeeded, "second thoughts"), "answered_already")
	h.must(h.answer(v.ID, "erin", 1, inventory.Wrong, "no labels at all", "environment", "owner"))
	if v, items = h.items(v.ID); v.Standings["confirmed"] != 1 || v.Standings["wrong"] != 1 || v.Signable == "" ||
		!slices.Equal(items[1].Answer.Fields, []string{"environment", "owner"}) {
		t.Errorf("it is %+v, %+v", v, items[1].Answer)
	}
	h.whole()
}

func TestAnItemIsAskedAgainWhenItsAssetChangedAfterTheAnswer(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"), labelled(2, "sam", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	h.must(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""))
	h.must(h.answer(v.ID, "sam", 1, inventory.Confirmed, ""))
	h.must(h.sign(v.ID, "otto"))
	h.read("cloud", labelled(1, "sam", "prod", "critical"), labelled(2, "sam", "prod", "critical")) // the same, seen again
	if v, _ := h.items(v.ID); v.Standings["confirmed"] != 2 || !v.Signatures[0].Counts {
		t.Fatalf("nothing changed, and it is %+v", v)
	}
	moved := labelled(2, "sam", "prod", "critical")
	moved.Attrs["size"] = inventory.Text("cx52")
	h.read("cloud", labelled(1, "sam", "prod", "critical"), moved)
	v, items := h.items(v.ID)
	if items[1].Standing != inventory.StandingReopened || items[0].Standing != "confirmed" || v.Signable != "" || v.Signatures[0].Counts {
		t.Fatalf("after a change it is %+v, %+v", v, items[1])
	}
	_, err := h.camp.SignCampaign(t.Context(), h.as("olga"), v.ID, v.Signatures[0].Result, "")
	h.refused(err, "items_open")
	h.must(h.answer(v.ID, "sam", 1, inventory.Confirmed, "larger on purpose"))
	_, err = h.camp.SignCampaign(t.Context(), h.as("olga"), v.ID, v.Signatures[0].Result, "")
	h.refused(err, "answers_moved")
	h.must(h.sign(v.ID, "olga"))
	if v, items = h.items(v.ID); v.Signed != 0 || items[1].Answer.Turn != 2 {
		t.Errorf("a void signature counts: %+v", v)
	}
	h.must(h.sign(v.ID, "otto"))
	if v, _ = h.items(v.ID); v.State != "signed" || v.Result != v.Signable {
		t.Errorf("it is %+v", v)
	}
	moved.Attrs["size"] = inventory.Text("cx11")
	h.read("cloud", labelled(1, "sam", "prod", "critical"), moved)
	if after, _ := h.items(v.ID); after.Signable != v.Result || after.Standings["confirmed"] != 2 {
		t.Errorf("what was signed moved: %+v", after)
	}
	h.whole()
}

func TestTwoWhoReviewedNothingThatFailedSign(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"), labelled(2, "otto", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	h.must(h.answer(v.ID, "sam", 0, inventory.NotNeeded, "it was a trial"))
	h.refused(h.sign(v.ID, "olga"), "items_open")
	h.must(h.answer(v.ID, "otto", 1, inventory.Confirmed, ""))
	h.refused(h.sign(v.ID, "sam"), "signs_own")
	_, err := h.camp.SignCampaign(t.Context(), h.as("olga"), v.ID, "", "")
	h.refused(err, "answers_moved")
	program := h.as("olga")
	program.Kind, program.Authn = fault.Service, fault.Token
	_, err = h.camp.SignCampaign(t.Context(), program, v.ID, "", "")
	h.refused(err, "not_a_person")
	h.must(h.sign(v.ID, "otto")) // who reviewed only what is right
	h.refused(h.sign(v.ID, "otto"), "signed_already")
	h.out[h.id("olga")] = true
	if err := h.sign(v.ID, "olga"); !errors.Is(err, errSignedOut) {
		t.Errorf("somebody whose session is over signed: %v", err)
	}
	delete(h.out, h.id("olga"))
	h.must(h.sign(v.ID, "olga"))
	h.refused(h.sign(v.ID, "erin"), "campaign_signed")
	h.refused(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""), "campaign_signed")
	h.whole()
}

func TestNothingIsTakenAfterTheDueDate(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"), labelled(2, "sam", "prod", "critical"))
	whole, half := h.open(h.order(inventory.Attestation)), h.open(h.order(inventory.Attestation))
	h.must(h.answer(whole.ID, "sam", 0, inventory.Confirmed, ""))
	h.must(h.answer(whole.ID, "sam", 1, inventory.Confirmed, ""))
	h.must(h.answer(half.ID, "sam", 0, inventory.Confirmed, ""))
	h.clock.Add(7*24*time.Hour + time.Microsecond)
	h.refused(h.answer(half.ID, "sam", 1, inventory.Confirmed, ""), "past_due")
	h.refused(h.sign(whole.ID, "olga"), "past_due")
	if v, _ := h.items(half.ID); v.State != "overdue" || v.Standings[inventory.StandingOpen] != 1 {
		t.Errorf("it is %+v", v)
	}
	h.whole()
}

func TestACampaignThatCannotBeWholeIsNotOpened(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "test", "public"))
	for code, change := range map[string]func(*inventory.NewCampaign){
		"bad_campaign":     func(n *inventory.NewCampaign) { n.Fallbacks = []string{"stranger"} },
		"nothing_selected": func(n *inventory.NewCampaign) { n.Selection.Class = "Image" },
	} {
		n := h.order(inventory.Attestation)
		change(&n)
		_, err := h.camp.OpenCampaign(t.Context(), h.as("olga"), n)
		h.refused(err, code)
	}
	n := h.order("")
	n.Name, n.Due, n.Share, n.Fallbacks = "\n", h.clock.Now().UnixMicro(), 101, nil
	_, err := h.camp.OpenCampaign(t.Context(), h.as("olga"), n)
	if h.refused(err, "bad_campaign"); len(fault.Of(err).Fields) != 5 {
		t.Errorf("it names %+v", fault.Of(err).Fields)
	}
	n = h.order(inventory.Attestation)
	n.Share = 0 // of what does not matter, none
	_, err = h.camp.OpenCampaign(t.Context(), h.as("olga"), n)
	h.refused(err, "nothing_selected")
	list, err := h.camp.Campaigns(t.Context(), 0, 10)
	if err != nil || len(list) != 0 {
		t.Errorf("campaigns %+v, %v", list, err)
	}
	h.whole()
}

func TestAnAssetThatWasMergedCannotBeConfirmed(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"), labelled(2, "sam", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	_, err := h.MergeAssets(t.Context(), h.as("otto"), "web-1", "web-2", "one machine")
	h.must(err)
	h.refused(h.answer(v.ID, "sam", 1, inventory.Confirmed, ""), "nothing_to_confirm")
	h.must(h.answer(v.ID, "sam", 1, inventory.Wrong, "it is the other"))
	h.whole()
}
