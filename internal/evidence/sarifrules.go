package evidence

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxRuns  = 1000
	maxRules = 100_000 // CodeQL, the richest, has some thousands
)

// sarifTool is what the first reading keeps of one run: its rules, and whether it ran.
type sarifTool struct {
	gave       bool // the run has a list of results, be it empty
	unfinished bool
	rules      map[string]sarifWeight // by "id" and by "component/index"
}

// sarifWeight is what a rule says of its results, in texts that are already cut.
type sarifWeight struct{ id, title, level, override, score string }

// flag is a boolean that is only true when the file says true.
type flag bool

// UnmarshalJSONFrom reads the value; anything but true is false.
func (f *flag) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*f = dec.PeekKind() == 't'
	return dec.SkipValue()
}

// describe makes a run of which everything but the results is read.
func (one *sarifTool) describe(res *Result) *sarifRun {
	run := &sarifRun{}
	run.Tool.Driver.Rules = one.take(0)
	extension := 0
	run.Tool.Extensions.make = func() *sarifComponent {
		extension++
		return &sarifComponent{Rules: one.take(extension)}
	}
	run.Provenance.use = func(v *sarifRevision) error { res.nameCommit(string(v.RevisionID)); return nil }
	run.Invocations = each[sarifInvocation]{
		make: func() *sarifInvocation { return one.invocation(res) },
		use: func(v *sarifInvocation) error {
			one.unfinished = one.unfinished || !bool(v.Successful)
			res.cover(instant(string(v.Start)), instant(string(v.End)))
			return nil
		},
	}
	return run
}

// invocation makes an invocation whose error notifications count: a tool that met errors has not
// looked at everything.
func (one *sarifTool) invocation(res *Result) *sarifInvocation {
	note := func(n *sarifNotification) error {
		if n.Level == "error" {
			one.unfinished = true
			res.Counts.Errors = min(res.Counts.Errors+1, maxEntries)
		}
		return nil
	}
	v := &sarifInvocation{}
	v.Ran.use, v.Configured.use = note, note
	v.Overrides.use = func(o *sarifOverride) error {
		return one.learn(key(o.Descriptor), func(w *sarifWeight) { w.override = short(o.Configuration.Level) })
	}
	return v
}

// take reads the rules of the driver (component 0) or of an extension (1, 2, …).
func (one *sarifTool) take(component int) each[sarifRule] {
	index := 0
	return each[sarifRule]{use: func(r *sarifRule) error {
		at := strconv.Itoa(component) + "/" + strconv.Itoa(index)
		index++
		for _, k := range [...]string{"id:" + string(r.ID), at} {
			err := one.learn(k, func(w *sarifWeight) {
				w.id, w.level, w.score = short(r.ID), short(r.Settings.Level), short(r.Properties.Score)
				w.title = short(text(first(r.Short.Text, r.Name)))
			})
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

// learn changes what is known of one rule.
func (one *sarifTool) learn(k string, change func(*sarifWeight)) error {
	if len(k) > maxText {
		return nil // no rule is named so; its results weigh what their level says
	}
	w, ok := one.rules[k]
	if !ok && len(one.rules) >= 2*maxRules {
		return tooWide("a list of rules")
	}
	change(&w)
	one.rules[k] = w
	return nil
}

// find looks a result's rule up: by its reference, by its index, by its id, and by the id's parent,
// for "CA1000/1" may stand for a part of the rule "CA1000" (3.27.5).
func (one *sarifTool) find(r *sarifResult) sarifWeight {
	keys := []string{key(r.Rule), key(sarifRef{ID: r.RuleID, Index: r.RuleIndex})}
	for _, id := range [...]string{string(r.RuleID), string(r.Rule.ID)} {
		keys = append(keys, "id:"+id)
		if i := strings.LastIndexByte(id, '/'); i > 0 {
			keys = append(keys, "id:"+id[:i])
		}
	}
	var w sarifWeight
	for _, k := range keys {
		if k == "id:" {
			continue
		}
		known := one.rules[k]
		if w.id == "" {
			override := w.override
			w = known
			w.override = override
		}
		if w.override == "" {
			w.override = known.override
		}
	}
	return w
}

// key is where a reference points: the index is the more exact word, the id the fallback.
func key(r sarifRef) string {
	if r.Index == "" || r.Index == "-1" {
		return "id:" + string(r.ID)
	}
	component := 0
	if n, err := strconv.Atoi(string(r.Component.Index)); err == nil && n >= 0 {
		component = n + 1
	}
	return strconv.Itoa(component) + "/" + string(r.Index)
}

// short cuts a text that is only kept to be compared or cleaned later.
func short(t text) string { return string(t[:min(len(t), 2*maxText)]) }
