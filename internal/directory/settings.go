package directory

import (
	"context"
	"fmt"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// Settings are what may change of an install after its set-up.
type Settings struct {
	Company string `json:"company"`
	Prefix  string `json:"prefix"` // of the ids of changes that are filed from now on; older ones keep theirs
	Zone    string `json:"zone"`   // IANA time zone
}

// check notes on e what is wrong with the settings.
func (s Settings) check(e *fault.Error) {
	checkLine(e, "company", s.Company, maxTitle, true)
	if !prefixForm().MatchString(s.Prefix) {
		e.At("prefix", "is two to eight capital letters")
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == "Local" {
		e.At("zone", "is not an IANA time zone")
	}
}

// EditInstall changes the settings of this install. An officer does it; the record says what they were.
func (d *Desk) EditInstall(ctx context.Context, actor fault.Actor, s Settings) (i Install, err error) {
	e := fault.New(fault.Invalid, "bad_settings", "The settings cannot be changed like that.").FixedBy("you").Then("correct the fields that are named")
	if s.check(e); len(e.Fields) > 0 {
		return i, e
	}
	err = d.manage(ctx, actor, InstallManage, func(tx *db.Tx, _ *Roster) error {
		was, done, err := InstallIn(tx)
		switch {
		case err != nil:
			return err
		case !done:
			return notSetUp()
		}
		i = was
		i.Company, i.Prefix, i.Zone = s.Company, s.Prefix, s.Zone
		if i == was {
			return nil
		}
		if err := saveInstall(tx, i); err != nil {
			return fmt.Errorf("save install: %w", err)
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: "install.edited", Type: "install", Object: i.ID,
			Detail: map[string]any{"company": i.Company, "prefix": i.Prefix, "zone": i.Zone,
				"was": map[string]any{"company": was.Company, "prefix": was.Prefix, "zone": was.Zone}}})
		return err
	})
	return i, err
}

func notSetUp() *fault.Error {
	return fault.New(fault.Unavailable, "not_set_up", "This server is not set up, so everything is denied.").
		Because("setup", "").FixedBy("whoever holds the setup code").Then("plumb setup")
}
