package directory_test

import (
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

func TestTheOfficerChangesTheSettingsAndTheLedgerKeepsWhatTheyWere(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	want := directory.Settings{Company: "Example GmbH", Prefix: "PROD", Zone: "Europe/Vienna"}
	i, err := h.EditInstall(t.Context(), olga, want)
	h.must(err)
	kept, err := h.Install(t.Context())
	h.must(err)
	if i != kept || kept.Company != want.Company || kept.Prefix != want.Prefix || kept.Zone != want.Zone || kept.ID != "install_test" {
		t.Errorf("install = %+v, then %+v", i, kept)
	}
	h.noted("install.edited")
	before := len(h.verbs())
	_, err = h.EditInstall(t.Context(), olga, want)
	h.must(err)
	if len(h.verbs()) != before {
		t.Error("the same settings again made an event")
	}
	h.whole()
}

func TestOnlyTheOfficerChangesTheSettings(t *testing.T) {
	t.Parallel()
	h := open(t)
	good := directory.Settings{Company: "Mine Ltd", Prefix: "CHG", Zone: "UTC"}
	for _, name := range []string{"sam", "erin", "dev", "audra"} {
		_, err := h.EditInstall(t.Context(), h.as(name), good)
		h.refused(err, "not_allowed")
	}
	_, err := h.EditInstall(t.Context(), fault.Actor{}, good)
	h.refused(err, "not_signed_in")
	olga := h.as("olga")
	for what, s := range map[string]directory.Settings{
		"nothing": {}, "no company": {"", "CHG", "UTC"}, "a prefix of digits": {"X", "C1", "UTC"}, "a long prefix": {"X", "ABCDEFGHI", "UTC"},
		"no prefix": {"X", "", "UTC"}, "no zone": {"X", "CHG", ""}, "the machine's zone": {"X", "CHG", "Local"}, "a path": {"X", "CHG", "../etc/passwd"},
		"a name that turns around": {"X\u202e", "CHG", "UTC"},
	} {
		if _, err := h.EditInstall(t.Context(), olga, s); !fault.Is(err, "bad_settings") || len(fault.Of(err).Fields) == 0 {
			t.Errorf("%s: %s", what, describe(err))
		}
	}
	if i, err := h.Install(t.Context()); err != nil || i.Company != "Example Ltd" {
		t.Errorf("install = %+v, %v", i, err)
	}
	_, err = empty(t).EditInstall(t.Context(), olga, good)
	if err == nil {
		t.Error("a server without people has settings to change")
	}
}

// An install whose row was lost is not set up, whoever is signed in; nothing is made up in its place.
func TestAnInstallThatIsLostHasNoSettings(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	h.must(h.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM directory_install"); err != nil {
			return err
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "install.edited", Type: "install", Object: "install_test"})
		return err
	}))
	_, err := h.EditInstall(t.Context(), olga, directory.Settings{Company: "Mine Ltd", Prefix: "CHG", Zone: "UTC"})
	h.refused(err, "not_set_up")
}
