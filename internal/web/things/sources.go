package things

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/frame"
)

// sources is what the page of all sources shows.
type sources struct {
	desk
	Rows  []inventory.Health
	Kinds []inventory.Kind
	Title map[string]string // titles of kinds, by name
}

func (p Pages) listSources(v *frame.Visit) error {
	d, err := p.desk(v, "Sources", "/sources")
	if err != nil {
		return err
	}
	s := sources{desk: d, Title: map[string]string{}}
	if s.Rows, err = p.Things.Healths(v.Ctx()); err != nil {
		return err
	}
	for _, k := range p.Things.Kinds() {
		s.Title[k.Name] = k.Title
		if !k.Inner {
			s.Kinds = append(s.Kinds, k)
		}
	}
	return v.Show(s.Frame, sources_(s))
}

// sourceView is what one source's page shows.
type sourceView struct {
	desk
	Of    inventory.Health
	Kind  inventory.Kind
	Known bool // this program still knows the kind
	Runs  []inventory.Run
	Entry *frame.Entry
	Last  *frame.Entry // of the form that removes it
}

// acts reports whether the reader may do anything with the source.
func (s sourceView) acts() bool { return s.May && s.Of.Removed == 0 }

// newestRuns is how many readings the page shows.
const newestRuns = 20

func (p Pages) showSource(v *frame.Visit) error {
	return p.source(v, http.StatusOK, nil, frame.Filled())
}

func (p Pages) source(v *frame.Visit, status int, e, last *frame.Entry) error {
	c, err := p.Things.SourceOf(v.Ctx(), v.R.PathValue("name"))
	if err != nil {
		return err
	}
	d, err := p.desk(v, c.Name, "/sources")
	if err != nil {
		return err
	}
	s := sourceView{desk: d, Entry: e, Last: last}
	if s.Of, err = p.Things.HealthOf(v.Ctx(), c); err != nil {
		return err
	}
	s.Kind, s.Known = p.Things.Kind(c.Kind)
	if s.Runs, err = p.Things.Runs(v.Ctx(), c.ID, newestRuns); err != nil {
		return err
	}
	if e == nil {
		s.Entry = filledSource(c)
	}
	return v.ShowAs(status, s.Frame, source_(s))
}

// settingName is the name of a setting's field: the path by which the desk speaks of it.
func settingName(key string) string { return "settings." + key }

func filledSource(c inventory.Configured) *frame.Entry {
	pairs := []string{"name", c.Name, "every", strconv.FormatInt(c.Every, 10)}
	for _, key := range sorted(c.Settings) {
		pairs = append(pairs, settingName(key), c.Settings[key])
	}
	return frame.Filled(pairs...)
}

// typedSource puts what the form holds into a source.
func typedSource(v *frame.Visit, k inventory.Kind, c *inventory.Configured) {
	c.Settings = map[string]string{}
	for _, s := range k.Settings {
		if typed := v.Value(settingName(s.Key)); typed != "" {
			c.Settings[s.Key] = typed
		}
	}
	c.Every = 0
	if typed := v.Value("every"); typed != "" {
		n, err := strconv.ParseInt(typed, 10, 64)
		if err != nil {
			n = -1 // no number is as wrong as one that the desk refuses
		}
		c.Every = n
	}
}

// changeSource does something to the source of the address and goes back to its page, with what was done.
func (p Pages) changeSource(v *frame.Visit, do func(c inventory.Configured) (done string, err error)) error {
	if err := v.Form(); err != nil {
		return err
	}
	c, err := p.Things.SourceOf(v.Ctx(), v.R.PathValue("name"))
	if err != nil {
		return err
	}
	done, err := do(c)
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error {
			if len(v.R.PostForm) == 0 { // a button without a form: what stands is shown
				refused := e.Refused
				e = filledSource(c)
				e.Refused = refused
			}
			return p.source(v, status, e, frame.Filled())
		})
	}
	return v.Go(sourcePath(c.Name), done)
}

func (p Pages) editSource(v *frame.Visit) error {
	return p.changeSource(v, func(c inventory.Configured) (string, error) {
		k, _ := p.Things.Kind(c.Kind)
		typedSource(v, k, &c)
		_, err := p.Things.EditSource(v.Ctx(), v.Actor, c)
		return "The source is changed; its next reading uses it.", err
	})
}

func (p Pages) pauseSource(v *frame.Visit) error {
	return p.changeSource(v, func(c inventory.Configured) (string, error) {
		c.Paused = true
		_, err := p.Things.EditSource(v.Ctx(), v.Actor, c)
		return "The source is paused. What it has shown stays, and grows old.", err
	})
}

func (p Pages) resumeSource(v *frame.Visit) error {
	return p.changeSource(v, func(c inventory.Configured) (string, error) {
		c.Paused = false
		_, err := p.Things.EditSource(v.Ctx(), v.Actor, c)
		return "The source is read again.", err
	})
}

// removeSource retires a source for good, once its name was typed: nothing brings it back.
func (p Pages) removeSource(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	name := v.R.PathValue("name")
	err := error(fault.New(fault.Invalid, "not_confirmed", "Type the name of the source to remove it for good.").At("confirm", "is the source's name").
		FixedBy("you").Then("type %s, or pause the source instead", name))
	if v.Value("confirm") == name {
		_, err = p.Things.RemoveSource(v.Ctx(), v.Actor, name)
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.source(v, status, nil, e) })
	}
	return v.Go(sourcePath(name), "The source is removed. Nothing of it is missing: what only it knew is silent, and its history stays.")
}

// slowReading is how long a reading may take while somebody waits for it; the browser may leave, it goes on.
const slowReading = 10 * time.Minute

func (p Pages) readSource(v *frame.Visit) error {
	if err := http.NewResponseController(v.W).SetWriteDeadline(v.Now.Add(slowReading)); err != nil {
		return fmt.Errorf("prepare reading: %w", err)
	}
	return p.changeSource(v, func(c inventory.Configured) (string, error) {
		run, err := p.Things.Read(v.Ctx(), v.Actor, c.Name, nil, "")
		if err != nil && run.Error != "" { // the reading is kept with what went wrong, and its page says it
			return "The reading did not come to its end.", nil
		}
		return fmt.Sprintf("Read: %d records, %d new, %d changed, %d absent.", run.Records, run.Added, run.Changed, run.Absent), err
	})
}

// newSource is what the form for a new source shows.
type newSource struct {
	desk
	Kind  inventory.Kind
	Entry *frame.Entry
}

func (p Pages) kindOf(v *frame.Visit) (inventory.Kind, error) {
	k, ok := p.Things.Kind(v.R.PathValue("kind"))
	if !ok || k.Inner {
		return k, fault.New(fault.NotFound, "no_kind", "There is no such kind of source to add.").FixedBy("you").Then("plumb source kinds")
	}
	return k, nil
}

func (p Pages) askSource(v *frame.Visit) error {
	e := frame.Filled()
	if k, ok := p.Things.Kind(v.R.PathValue("kind")); ok && !k.Push {
		e.Values = url.Values{"every": {strconv.FormatInt(int64(k.Every/time.Second), 10)}}
	}
	return p.sourceForm(v, http.StatusOK, e)
}

func (p Pages) sourceForm(v *frame.Visit, status int, e *frame.Entry) error {
	k, err := p.kindOf(v)
	if err != nil {
		return err
	}
	d, err := p.desk(v, "Add a source", "/sources")
	if err != nil {
		return err
	}
	return v.ShowAs(status, d.Frame, newSource_(newSource{desk: d, Kind: k, Entry: e}))
}

func (p Pages) addSource(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	k, err := p.kindOf(v)
	if err != nil {
		return err
	}
	c := inventory.Configured{Name: v.Value("name"), Kind: k.Name}
	typedSource(v, k, &c)
	if c, err = p.Things.AddSource(v.Ctx(), v.Actor, c); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.sourceForm(v, status, e) })
	}
	return v.Go(sourcePath(c.Name), "The source is added.")
}
