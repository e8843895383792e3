package office

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// keysView shows the public keys that auditors pin.
type keysView struct {
	desk
	ID, Origin   string
	Ledger       string // signed-note verifier key
	LedgerDigest string
	Permits      string // PEM
	PermitID     string
	Newest       string // size of the newest checkpoint; "" before the first
}

func (p Pages) showKeys(v *frame.Visit) error {
	der, err := x509.MarshalPKIXPublicKey(p.Permits.Public())
	if err != nil {
		return err
	}
	k := keysView{desk: p.desk(v, "Keys", "/admin/keys"), ID: p.Install, Origin: p.Log.Origin(), Ledger: p.Log.VerifierKey(),
		LedgerDigest: seal.Raw([]byte(p.Log.VerifierKey())), PermitID: p.Permits.ID(),
		Permits: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
	c, err := p.Log.Newest(v.Ctx())
	switch {
	case fault.Is(err, "no_checkpoint"):
	case err != nil:
		return err
	default:
		k.Newest = strconv.FormatInt(c.Size, 10)
	}
	return v.Show(k.Frame, keys_(k))
}

type hooksView struct {
	desk
	Rows   []hookRow
	Entry  *frame.Entry
	Secret string // of a webhook that was just made, shown this once
}

type hookRow struct {
	Hook
	Name string // of who made it
}

func (p Pages) listHooks(v *frame.Visit) error { return p.hooks(v, http.StatusOK, frame.Filled(), "") }

func (p Pages) hooks(v *frame.Visit, status int, e *frame.Entry, secret string) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	list, err := p.Hooks.List(v.Ctx())
	if err != nil {
		return err
	}
	h := hooksView{desk: p.desk(v, "Webhooks", "/admin/webhooks"), Entry: e, Secret: secret}
	for _, x := range list {
		h.Rows = append(h.Rows, hookRow{x, r.Name(directory.PersonID(x.Person))})
	}
	return v.ShowAs(status, h.Frame, hooks_(h))
}

func (p Pages) addHook(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	ctx, sent := once(v)
	secret, err := p.Hooks.Make(ctx, v.Actor, v.Value("url"), words(v.Value("verbs")))
	made, err := sent.Of(err)
	if made != "" {
		return v.Go("/admin/webhooks", lost+": if the secret did not arrive, end the webhook and make another.")
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.hooks(v, status, e, "") })
	}
	return p.hooks(v, http.StatusOK, frame.Filled(), secret)
}

type hookView struct {
	desk
	Hook
	Name  string
	Rows  []Delivery
	Older string
	Newer string
	Entry *frame.Entry
}

func (p Pages) showHook(v *frame.Visit) error { return p.hook(v, http.StatusOK, frame.Filled()) }

func (p Pages) hook(v *frame.Visit, status int, e *frame.Entry) error {
	id := v.R.PathValue("id")
	list, err := p.Hooks.List(v.Ctx())
	if err != nil {
		return err
	}
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	path := "/admin/webhooks/" + id
	h := hookView{desk: p.desk(v, "Webhook", "/admin/webhooks"), Entry: e, Newer: back(v, path)}
	for _, x := range list {
		if x.ID == id {
			h.Hook, h.Name = x, r.Name(directory.PersonID(x.Person))
		}
	}
	if h.ID == "" {
		return fault.New(fault.NotFound, "no_webhook", "There is no such webhook; it may have ended.").FixedBy("you").Then("look under Administration, Webhooks")
	}
	before, err := strconv.ParseInt(v.Value("from"), 10, 64)
	if err != nil {
		before = 1 << 62
	}
	if h.Rows, err = p.Hooks.Deliveries(v.Ctx(), id, before, pageSize); err != nil {
		return err
	}
	if len(h.Rows) == pageSize {
		h.Older = fmt.Sprintf("%s?from=%d", path, h.Rows[pageSize-1].Seq)
	}
	return v.ShowAs(status, h.Frame, hook_(h))
}

func (p Pages) endHook(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := p.Hooks.End(v.Ctx(), v.Actor, v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Go("/admin/webhooks", "The webhook has ended; its secret is gone.")
}

func (p Pages) replayHook(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	from, err := strconv.ParseInt(v.Value("from"), 10, 64)
	if err != nil {
		from = -1
	}
	id := v.R.PathValue("id")
	ctx, sent := once(v)
	made, err := sent.Of(p.Hooks.Replay(ctx, v.Actor, id, from))
	if made != "" {
		return v.Go("/admin/webhooks/"+id, personal.Twice)
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.hook(v, status, e) })
	}
	return v.Go("/admin/webhooks/"+id, fmt.Sprintf("The webhook is served again from event %d on.", from))
}

type jobsView struct {
	desk
	Jobs []Job
}

func (p Pages) showJobs(v *frame.Visit) error {
	jobs, err := p.State(v.Ctx())
	if err != nil {
		return err
	}
	j := jobsView{p.desk(v, "Jobs", "/admin/jobs"), jobs}
	return v.Show(j.Frame, jobs_(j))
}

type settingsView struct {
	desk
	directory.Install
	Entry  *frame.Entry
	Sample string
}

func (p Pages) askSettings(v *frame.Visit) error { return p.settings(v, http.StatusOK, nil) }

func (p Pages) settings(v *frame.Visit, status int, e *frame.Entry) error {
	i, err := p.People.Install(v.Ctx())
	if err != nil {
		return err
	}
	if e == nil {
		e = frame.Filled("company", i.Company, "prefix", i.Prefix, "zone", i.Zone)
	}
	s := settingsView{desk: p.desk(v, "Settings", "/admin/settings"), Install: i, Entry: e, Sample: p.Sample}
	return v.ShowAs(status, s.Frame, settings_(s))
}

func (p Pages) saveSettings(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	s := directory.Settings{Company: v.Value("company"), Prefix: v.Value("prefix"), Zone: v.Value("zone")}
	if _, err := p.People.EditInstall(v.Ctx(), v.Actor, s); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.settings(v, status, e) })
	}
	return v.Go("/admin/settings", "The settings are saved; the ledger keeps what they were.")
}
