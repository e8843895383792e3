package cli

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// wording is what the flags of change new and change edit say. Only flags that were given change
// anything.
type wording struct {
	file                                                   string
	kind, category, model, summary, justification, risk    string
	components, targets, checks, dataFlags, effects        []string
	implementers                                           []string
	rollback, notReversible, trigger, rehearsed, noReturn  string
	maxMinutes                                             int64
	from, until                                            string
	plan, commit                                           string
	images, configs, scripts, runbooks, flags              []string
	backPlan, backConfig, backScript, backRunbook          string
	job, build, action, branch, environment, role, outages string
	links, scans                                           []string
	plans                                                  planOptions
	noCI                                                   bool
}

// addFlags declares them.
func (w *wording) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&w.file, "file", "f", "", "YAML or JSON file with the whole request; - reads standard input. Flags come on top")
	f.StringVar(&w.kind, "type", "normal", "normal, standard or emergency")
	f.StringVar(&w.category, "category", "", "deploy, feature-toggle, network, access, provisioning, configuration or patch")
	f.StringVar(&w.model, "model", "", "standard model, for --type standard")
	f.StringVar(&w.summary, "summary", "", "what changes, one line")
	f.StringVar(&w.justification, "justification", "", "why")
	f.StringSliceVar(&w.components, "component", nil, "component of the catalogue; may be repeated, as all lists")
	f.StringSliceVar(&w.targets, "target", nil, "target of the catalogue")
	f.StringArrayVar(&w.effects, "effect", nil, `expected difference: "target path op [after]", op being create, update, delete or replace; path * is the whole thing, as in the shorter "web-9 create"`)
	f.StringSliceVar(&w.implementers, "implementer", nil, "who may run it: me, a username, or service:NAME[@repository[#pipeline]]")
	f.StringSliceVar(&w.checks, "check", nil, "evidence kind demanded beyond the policy's")
	f.StringSliceVar(&w.dataFlags, "data-flag", nil, "data classification flag")
	f.StringVar(&w.risk, "risk", "", "raise the risk to low, medium or high; it is never lowered")
	f.StringVar(&w.rollback, "rollback", "", "how it is backed out")
	f.StringVar(&w.notReversible, "not-reversible", "", "why there is no way back")
	f.StringVar(&w.trigger, "rollback-trigger", "", "what makes you back out")
	f.StringVar(&w.rehearsed, "rollback-rehearsed", "", "date of the last rehearsal")
	f.StringVar(&w.noReturn, "point-of-no-return", "", "from where on there is no way back")
	f.Int64Var(&w.maxMinutes, "rollback-minutes", 0, "longest time that the way back takes")
	f.StringVar(&w.from, "from", "", "earliest start: RFC 3339, or a time from now such as 2h")
	f.StringVar(&w.until, "until", "", "latest end, likewise")
	f.StringVar(&w.role, "critical-role", "", "critical infrastructure role of a new system")
	f.StringVar(&w.outages, "emergency-notes", "", "reason, way of access and steps of an emergency")
	w.addBindingFlags(cmd)
	completeWords(cmd, "type", "normal", "standard", "emergency")
	completeWords(cmd, "risk", "low", "medium", "high")
}

func (w *wording) addBindingFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.plan, "tf-plan", "", "saved plan of terraform or tofu to bind")
	f.StringVar(&w.plans.tool, "tool", "", "terraform or tofu; else the first on PATH")
	f.StringVar(&w.plans.dir, "tf-dir", "", "folder of the configuration, else the plan's own")
	f.StringVar(&w.plans.repo, "repo", "", "repository, else as the CI environment claims")
	f.StringArrayVar(&w.configs, "config-file", nil, "configuration file to bind")
	f.StringArrayVar(&w.scripts, "db-script", nil, "database script to bind")
	f.StringArrayVar(&w.runbooks, "runbook", nil, "runbook or script to bind")
	f.StringArrayVar(&w.flags, "feature-flag", nil, "file with the state of feature flags to bind")
	f.StringVar(&w.commit, "git-commit", "", "commit to bind; without a value HEAD")
	f.Lookup("git-commit").NoOptDefVal = "HEAD"
	f.StringArrayVar(&w.images, "image", nil, "container image to bind, name@sha256:…")
	f.StringVar(&w.backPlan, "rollback-tf-plan", "", "saved plan that backs the change out")
	f.StringVar(&w.backConfig, "rollback-config-file", "", "configuration file that backs it out")
	f.StringVar(&w.backScript, "rollback-db-script", "", "database script that backs it out")
	f.StringVar(&w.backRunbook, "rollback-runbook", "", "runbook or script that backs it out")
	f.StringVar(&w.job, "job", "", "deploy: job name, else from CI, as the next three")
	f.StringVar(&w.build, "build-id", "", "deploy: build id")
	f.StringVar(&w.branch, "branch", "", "deploy: branch")
	f.StringSliceVar(&w.links, "link", nil, "deploy: pull request, issue or build")
	f.StringVar(&w.action, "action", "", "deploy: what the job does, such as apply")
	f.StringVar(&w.environment, "env", "", "deploy: environment")
	f.StringSliceVar(&w.scans, "scan", nil, "deploy: kind of scan that is required, such as security-scan")
	f.BoolVar(&w.noCI, "no-ci", false, "fill nothing in from the CI environment")
	cmd.MarkFlagsMutuallyExclusive("rollback-tf-plan", "rollback-config-file", "rollback-db-script", "rollback-runbook")
}

// readMaterial reads a request file, strictly: a misspelled member is refused, not passed over.
func (a *app) readMaterial(file string) (wire.Material, error) {
	var m wire.Material
	raw, err := a.readInput(file)
	if err != nil {
		return m, err
	}
	return m, decodeFile(file, raw, &m)
}

// maxInput bounds what is read from a request file or standard input.
const maxInput = 4 << 20

func (a *app) readInput(file string) ([]byte, error) {
	in := a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fileFault(file, err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fileFault(file, err)
	}
	if len(b) > maxInput {
		return nil, fault.New(fault.TooLarge, "file_too_large", "%s is larger than %d MiB.", file, maxInput>>20).FixedBy("you").Then("ls -lh %s", file)
	}
	return b, nil
}

// apply puts the flags on top of m.
func (w *wording) apply(ctx context.Context, a *app, c *client.Client, cmd *cobra.Command, m *wire.Material) error {
	set := func(flag string, to *string, v string) {
		if cmd.Flags().Changed(flag) {
			*to = v
		}
	}
	list := func(flag string, to *[]string, v []string) {
		if cmd.Flags().Changed(flag) {
			*to = v
		}
	}
	if m.Type == "" || cmd.Flags().Changed("type") {
		m.Type = w.kind
	}
	set("category", &m.Category, w.category)
	set("model", &m.Model, w.model)
	set("summary", &m.Summary, w.summary)
	set("justification", &m.Justification, w.justification)
	set("risk", &m.RiskFloor, w.risk)
	set("critical-role", &m.CriticalRole, w.role)
	set("emergency-notes", &m.EmergencyNotes, w.outages)
	set("rollback", &m.Rollback.Text, w.rollback)
	set("not-reversible", &m.Rollback.NotReversible, w.notReversible)
	set("rollback-trigger", &m.Rollback.Trigger, w.trigger)
	set("rollback-rehearsed", &m.Rollback.Rehearsed, w.rehearsed)
	set("point-of-no-return", &m.Rollback.NoReturn, w.noReturn)
	list("component", &m.Components, w.components)
	list("target", &m.Targets, w.targets)
	list("check", &m.Checks, w.checks)
	list("data-flag", &m.DataFlags, w.dataFlags)
	if cmd.Flags().Changed("rollback-minutes") {
		m.Rollback.MaxMinutes = w.maxMinutes
	}
	if err := w.applyEffects(cmd, m); err != nil {
		return err
	}
	if err := w.applyWindow(a, m); err != nil {
		return err
	}
	if err := w.applyImplementers(ctx, c, m); err != nil {
		return err
	}
	w.applyDeploy(a, cmd, m)
	return w.applyBindings(ctx, a, c, m)
}

func (w *wording) applyEffects(cmd *cobra.Command, m *wire.Material) error {
	if !cmd.Flags().Changed("effect") {
		return nil
	}
	m.Effects = nil
	for _, e := range w.effects {
		x, ok := effectOf(e)
		if !ok {
			return fault.New(fault.Invalid, "usage", "--effect takes \"target path op [after]\", or \"target op\" for the whole thing.").FixedBy("you").
				Then("--effect \"web-prod flags.checkout update on\"")
		}
		m.Effects = append(m.Effects, x)
	}
	return nil
}

// effectOf reads one expected difference: of an attribute, or, without a path, of the whole thing.
func effectOf(text string) (e wire.Effect, ok bool) {
	f := strings.Fields(text)
	switch {
	case len(f) == 2 && slices.Contains([]string{"create", "delete", "replace"}, f[1]):
		return wire.Effect{Target: f[0], Op: f[1]}, true
	case len(f) < 3:
		return e, false
	}
	return wire.Effect{Target: f[0], Path: f[1], Op: f[2], After: strings.Join(f[3:], " ")}, true
}

func (w *wording) applyWindow(a *app, m *wire.Material) error {
	for text, to := range map[*string]*time.Time{&w.from: &m.Window.From, &w.until: &m.Window.Until} {
		if *text == "" {
			continue
		}
		t, err := a.instant(*text)
		if err != nil {
			return err
		}
		*to = t.UTC().Truncate(time.Second)
	}
	return nil
}

// instant reads RFC 3339, a day, or a length of time from now such as 90m or 2d.
func (a *app) instant(s string) (time.Time, error) {
	if s == "now" {
		return a.now(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if d, err := length(s); err == nil {
		return a.now().Add(d), nil
	}
	return time.Time{}, fault.New(fault.Invalid, "usage", "A time is written as 2026-11-23T14:00:00Z, or from now as 2h or 3d, before now as -2h.").FixedBy("you").
		Then("write the time so, for instance in two hours: 2h; two hours ago: -2h")
}

// length reads a duration, with d for days.
func length(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if d, err := time.ParseDuration(n + "h"); err == nil {
			return d * 24, nil
		}
	}
	return time.ParseDuration(s)
}

func (w *wording) applyImplementers(ctx context.Context, c *client.Client, m *wire.Material) error {
	if len(w.implementers) == 0 {
		return nil
	}
	m.Implementers = nil
	n := &names{c: c}
	for _, word := range w.implementers {
		x, err := n.executor(ctx, word)
		if err != nil {
			return err
		}
		m.Implementers = append(m.Implementers, x)
	}
	return nil
}

// applyDeploy fills the fields of a deploy: flags first, then what CI claims where nothing stands yet.
func (w *wording) applyDeploy(a *app, cmd *cobra.Command, m *wire.Material) {
	d := &m.Deploy
	for flag, p := range map[string]struct {
		to   *string
		from string
	}{"job": {&d.JobName, w.job}, "build-id": {&d.BuildID, w.build}, "branch": {&d.Branch, w.branch},
		"action": {&d.Action, w.action}, "env": {&d.Environment, w.environment}} {
		if cmd.Flags().Changed(flag) {
			*p.to = p.from
		}
	}
	if cmd.Flags().Changed("link") {
		d.Links = w.links
	}
	if cmd.Flags().Changed("scan") {
		d.Scans = w.scans
	}
	ci := detectCI(a.getenv)
	if w.noCI || ci.Provider == "none" {
		return
	}
	if w.plans.repo == "" {
		w.plans.repo = ci.Repo
	}
	if m.Category != "deploy" {
		return
	}
	a.showCI(ci)
	d.JobName, d.BuildID, d.Branch = either(d.JobName, ci.Pipeline, ci.Job), either(d.BuildID, ci.BuildID), either(d.Branch, ci.Branch)
	if len(d.Links) == 0 && ci.URL != "" {
		d.Links = []string{ci.URL}
	}
}

// either gives the first that is not empty.
func either(list ...string) string {
	i := slices.IndexFunc(list, func(s string) bool { return s != "" })
	if i < 0 {
		return ""
	}
	return list[i]
}

// showCI says what was detected, so that nobody wonders where a value came from.
func (a *app) showCI(ci wire.CI) {
	if ci.Provider == "none" || ci.Provider == "" {
		return
	}
	var parts []string
	for _, p := range [][2]string{{"repo", ci.Repo}, {"pipeline", ci.Pipeline}, {"job", ci.Job}, {"build", ci.BuildID},
		{"commit", shorten(ci.Commit, 13)}, {"branch", ci.Branch}, {"pr", ci.PR}, {"actor", ci.Actor}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+clean(p[1]))
		}
	}
	a.note("CI claims: %s %s", ci.Provider, strings.Join(parts, " "))
}
