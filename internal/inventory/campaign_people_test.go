package inventory_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/inventory/diagram"
	"plumbline.dev/plumb/internal/ledger"
)

// reset has an officer issue a one-time code for somebody's account: until another officer vouches, they could be that person.
func (h *house) reset(officer, name string) {
	h.t.Helper()
	in, err := h.dir.Redeem(h.t.Context(), directory.Credentials{Username: officer, Password: "copper lantern meadow 42", Code: h.code[officer],
		Address: netip.MustParseAddr("192.0.2.7")})
	h.must(err)
	by, err := h.dir.Recognise(h.t.Context(), in.Bearer.Reveal())
	h.must(err)
	h.must(h.db.View(h.t.Context(), func(tx *db.Tx) error {
		r, err := h.dir.RosterIn(tx)
		h.must(err)
		_, err = h.dir.Reset(h.t.Context(), by, r.Accounts(h.ids[name])[0].ID)
		return err
	}))
}

// Whoever issued the one-time code of an account may be its person: two signatures of theirs are one.
func TestASignatureThroughALentAccountIsNoSecondOne(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	h.must(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""))
	h.reset("olga", "dev")
	h.must(h.sign(v.ID, "olga"))
	h.refused(h.sign(v.ID, "dev"), "lent_account")
	h.must(h.sign(v.ID, "otto"))
	h.whole()
}

func TestWhoMayBeTheReviewerOfWhatFailedDoesNotSign(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	h.reset("olga", "sam")
	h.must(h.answer(v.ID, "sam", 0, inventory.NotNeeded, "it was a trial"))
	h.refused(h.sign(v.ID, "olga"), "lent_account")
	h.must(h.sign(v.ID, "otto"))
	h.must(h.sign(v.ID, "erin"))
	h.whole()
}

// Every answer to what failed counts by who could act as its reviewer at its own instant, not only the newest.
func TestWhoCouldHaveGivenAnEarlierAnswerDoesNotSign(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"), labelled(2, "sam", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	h.reset("olga", "sam")
	h.must(h.answer(v.ID, "sam", 0, inventory.NotNeeded, "it was a trial"))
	h.clock.Add(time.Minute)
	h.reset("otto", "sam") // the next code ends what olga could do
	h.must(h.answer(v.ID, "sam", 1, inventory.NotNeeded, "it was a trial"))
	h.refused(h.sign(v.ID, "olga"), "lent_account")
	h.refused(h.sign(v.ID, "otto"), "lent_account")
	h.whole()
}

func TestWhoLabelledAnAssetDoesNotReviewItThroughALentAccount(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"))
	h.reset("olga", "sam")
	_, err := h.camp.SetLabels(t.Context(), h.as("olga"), string(h.assets()[0].ID), map[string]string{"role": "web"}, "looked", "")
	h.must(err)
	_, list := h.items(h.open(h.order(inventory.Attestation)).ID)
	if list[0].Reviewer != h.id("erin") {
		t.Errorf("%s reviews what olga labelled, who may be sam", list[0].Reviewer)
	}
	h.whole()
}

// told gives what was told of campaigns so far.
func (h *house) told() (out []string) {
	h.t.Helper()
	h.must(h.db.View(h.t.Context(), func(tx *db.Tx) error {
		found, err := ledger.Find(tx, ledger.Question{Verb: "campaign.reminded", Limit: 100})
		for _, e := range found.Entries {
			out = append(out, e.Detail)
		}
		return err
	}))
	return out
}

func TestACampaignThatIsDueRemindsOnceBeforeAndOnceAfter(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"), labelled(2, "otto", "prod", "critical"), labelled(3, "sam", "prod", "critical"))
	v := h.open(h.order(inventory.Attestation))
	remind := func() int {
		n, err := h.camp.RemindCampaigns(t.Context())
		h.must(err)
		return n
	}
	if remind() != 0 {
		t.Error("a campaign with a week left reminds")
	}
	h.must(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""))
	h.clock.Add(7*24*time.Hour - 7*6*time.Hour) // a quarter is left
	if remind() != 1 || remind() != 0 {
		t.Error("the first reminder is not one")
	}
	h.clock.Add(48 * time.Hour)
	if remind() != 1 || remind() != 0 {
		t.Error("the second reminder is not one")
	}
	told := h.told() // the newest first
	if len(told) != 2 || !strings.Contains(told[0], `"stage":"overdue"`) || !strings.Contains(told[1], `"stage":"due_soon"`) ||
		!strings.Contains(told[1], `"open":2`) || !strings.Contains(told[1], "(otto of Example): 1") || !strings.Contains(told[1], "(sam of Example): 1") {
		t.Errorf("told %q", told)
	}
	h.whole()
}

// Of two servers that look at the same time, one reminds.
func TestTwoServersRemindOnce(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", labelled(1, "sam", "prod", "critical"))
	h.open(h.order(inventory.Attestation))
	h.clock.Add(7*24*time.Hour - time.Hour)
	other := 0
	ctx := db.Around(t.Context(), func(tx *db.Tx, run func(*db.Tx) error) error {
		if _, err := tx.Exec("INSERT INTO inventory_campaign_reminder (id, campaign, stage, open, at) VALUES ('CMP-000001/due_soon', 'CMP-000001', 'due_soon', 1, 1)"); err != nil {
			return err
		}
		if _, err := ledger.Append(tx, ledger.Event{Verb: "campaign.reminded", Type: "campaign", Object: "CMP-000001"}); err != nil {
			return err
		}
		other++
		return run(tx)
	})
	n, err := h.camp.RemindCampaigns(ctx)
	h.must(err)
	if n != 0 || other != 1 || h.events("campaign.reminded") != 1 {
		t.Errorf("reminded of %d after another server did %d times, with %d events; want none, once, one", n, other, h.events("campaign.reminded"))
	}
	h.whole()
}

// Who could act as a second person is none, for a diagram of record either.
func TestADiagramIsNotApprovedThroughALentAccount(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.read("cloud", wired()...)
	seen := h.drawn(network).Digest(diagram.Network)
	v, err := h.ProposeDiagram(t.Context(), h.as("olga"), network, seen, "for the audit")
	h.must(err)
	h.reset("olga", "dev")
	_, err = h.ApproveDiagram(t.Context(), h.as("dev"), v.ID, seen, "as built")
	h.refused(err, "lent_account")
	_, err = h.ApproveDiagram(t.Context(), h.as("otto"), v.ID, seen, "as built")
	h.must(err)
	h.whole()
}
