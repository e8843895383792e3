package inventory

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Configured is one source of this company: a kind with its settings and its schedule.
type Configured struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Settings map[string]string `json:"settings,omitempty"` // a secret one holds the name of a file in the secrets folder
	Every    int64             `json:"every"`              // seconds between readings; 0 for what is only pushed
	Paused   bool              `json:"paused"`
	Person   string            `json:"person"`
	Created  int64             `json:"created"`
	Version  int64             `json:"version"`
	Removed  int64             `json:"removed,omitempty"` // since when it is read no more, for good; microseconds
}

// The shortest and the longest time between two readings.
const (
	minEvery = 30 * time.Second
	maxEvery = 31 * 24 * time.Hour
)

// AddSource declares a source. Its settings are checked by its kind; nothing is read yet.
func (d *Desk) AddSource(ctx context.Context, actor fault.Actor, c Configured) (Configured, error) {
	err := d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		if err := d.check(&c); err != nil {
			return err
		}
		switch old, taken, err := sourceNamed(tx, c.Name); {
		case err != nil:
			return err
		case taken && old.Removed > 0:
			return fault.New(fault.Conflict, "source_name_taken", "A source of that name was removed, and its history is told by that name.").
				FixedBy("you").Then("choose another name")
		case taken:
			return fault.New(fault.Conflict, "source_name_taken", "A source of that name exists.").
				FixedBy("you").Then("choose another name, or: plumb source show %s", c.Name)
		}
		c.ID, c.Person, c.Created, c.Version = seal.NewID("src"), actor.Person, tx.Now().UnixMicro(), 1
		if err := insertSource(tx, c); err != nil {
			return err
		}
		return record(tx, "source.added", "source", c.ID, map[string]any{"name": c.Name, "kind": c.Kind, "every": c.Every})
	})
	return c, err
}

// EditSource changes a source's settings, its schedule, or pauses it. What it has shown stays.
func (d *Desk) EditSource(ctx context.Context, actor fault.Actor, c Configured) (Configured, error) {
	err := d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		old, err := loadSource(tx, c.ID)
		if err != nil {
			return err
		}
		if old.Removed > 0 {
			return removed(old)
		}
		c.Kind, c.Person, c.Created = old.Kind, old.Person, old.Created
		if c.Name == "" {
			c.Name = old.Name
		}
		if c.Name != old.Name {
			return fault.New(fault.Conflict, "source_name_fixed", "A source keeps its name, by which its history is told.").
				FixedBy("you").Then("add another source")
		}
		if err := d.check(&c); err != nil {
			return err
		}
		c.Version = old.Version + 1
		if err := updateSource(tx, c, old.Version); err != nil {
			return err
		}
		return record(tx, "source.edited", "source", c.ID, map[string]any{"paused": c.Paused, "every": c.Every})
	})
	return c, err
}

// nameForm is the form of a source's name and of the names of its secrets.
var nameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`) })

// check is the rule for what a source's configuration may hold.
func (d *Desk) check(c *Configured) error {
	e := fault.New(fault.Invalid, "bad_source", "The source cannot be set up like that.").FixedBy("you").Then("plumb source kinds")
	k, ok := d.Kind(c.Kind)
	if !ok {
		return e.At("kind", "is not one of: plumb source kinds")
	}
	if !nameForm().MatchString(c.Name) {
		e.At("name", "is 1 to 64 lower-case letters, digits, dots, dashes or underscores")
	}
	known := map[string]bool{}
	full := map[string]string{}
	for _, s := range k.Settings {
		known[s.Key] = true
		v := c.Settings[s.Key]
		switch {
		case v == "" && s.Default == "" && s.Required:
			e.At("settings."+s.Key, "is needed: "+s.Help)
		case s.Secret && v != "" && !nameForm().MatchString(v):
			e.At("settings."+s.Key, "is the name of a file in the data folder's secrets folder")
		case len(v) > 4096 || strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 && r != '\n' && r != '\t' }):
			e.At("settings."+s.Key, "is at most 4096 bytes of text")
		case v != "":
			full[s.Key] = v
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Settings)) {
		if !known[key] {
			e.At("settings", fmt.Sprintf("has no key %.60q for this kind", key))
		}
	}
	c.Settings = full
	if k.Push {
		c.Every = max(c.Every, 0)
	} else if c.Every == 0 {
		c.Every = int64(max(k.Every, minEvery) / time.Second)
	}
	if every := time.Duration(c.Every) * time.Second; c.Every < 0 || c.Every > 0 && (every < minEvery || every > maxEvery) {
		e.At("every", "is between 30 seconds and 31 days")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// input makes what one reading is given, with the secrets themselves.
func (d *Desk) input(c Configured, k Kind) (Input, error) {
	in := Input{Settings: map[string]string{}, Log: d.log.With("source", c.Name), Mask: d.mask, Digest: d.mask}
	for _, s := range k.Settings {
		v := c.Settings[s.Key]
		if v == "" {
			v = s.Default
		}
		if s.Secret && v != "" {
			secret, err := d.secrets.Secret(v)
			if err != nil {
				return in, fault.New(fault.Conflict, "no_secret", "The credential that setting %s names is not there or cannot be read.", s.Key).
					FixedBy("the operator of the server").Then("put it into the file of that name in the data folder's secrets folder, mode 0600").From(err)
			}
			v = secret
		}
		if v != "" {
			in.Settings[s.Key] = v
		}
	}
	return in, nil
}

// Sources lists the sources by name, also the removed ones.
func (d *Desk) Sources(ctx context.Context) (list []Configured, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = listSources(tx)
		return err
	})
	return list, err
}

// SourceOf finds a source by its name or its id.
func (d *Desk) SourceOf(ctx context.Context, nameOrID string) (c Configured, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		found := false
		if c, found, err = sourceNamed(tx, nameOrID); err != nil || found {
			return err
		}
		c, err = loadSource(tx, nameOrID)
		return err
	})
	return c, err
}

// record is the last statement of a use-case of the inventory.
func record(tx *db.Tx, verb, objectType, object string, detail map[string]any) error {
	if _, err := ledger.Append(tx, ledger.Event{Verb: verb, Type: objectType, Object: object, Detail: detail}); err != nil {
		return fmt.Errorf("record %s: %w", verb, err)
	}
	return nil
}
