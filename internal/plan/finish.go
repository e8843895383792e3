package plan

import (
	"slices"
	"strings"
)

// configuration searches the configuration for variables declared sensitive, their defaults, and
// constants under a secret's name. Nothing else of it is looked at, nothing of it is kept.
func (p *parser) configuration() error {
	v, err := p.dec.ReadValue()
	if err != nil {
		return err
	}
	members(v, func(name string, v []byte) {
		switch name {
		case "root_module":
			p.module(v, true, 0)
		case "provider_config":
			p.constants(v, false)
		}
	})
	return nil
}

func (p *parser) module(raw []byte, root bool, depth int) {
	if depth > maxDepth {
		return
	}
	members(raw, func(name string, v []byte) {
		switch name {
		case "variables":
			members(v, func(name string, v []byte) { p.variable(name, v, root) })
		case "resources":
			p.constants(v, false)
		case "module_calls":
			members(v, func(_ string, v []byte) {
				members(v, func(name string, v []byte) {
					switch name {
					case "expressions":
						p.constants(v, false)
					case "module":
						p.module(v, false, depth+1)
					}
				})
			})
		}
	})
}

func (p *parser) variable(name string, raw []byte, root bool) {
	st := p.red.about([]byte(name))
	var fallback []byte
	members(raw, func(name string, v []byte) {
		switch name {
		case "sensitive", "ephemeral":
			st.secret = st.secret || string(v) != "false"
		case "default":
			fallback = v
		}
	})
	if !st.secret {
		return
	}
	p.red.collect(fallback, coversAll, st, farMask)
	if root {
		if p.sensitive == nil {
			p.sensitive = map[string]bool{}
		}
		p.sensitive[name] = true
	}
}

// constants remembers every constant_value under a secret's name.
func (p *parser) constants(raw []byte, secret bool) {
	c := cursor{b: raw}
	switch c.kind() {
	case '[':
		items(raw, func(v []byte) { p.constants(v, secret) })
	case '{':
		members(raw, func(name string, v []byte) {
			st := p.red.about([]byte(name))
			switch {
			case name == "constant_value" && secret:
				p.red.collect(v, coversAll, st, farMask)
			case name == "constant_value":
				p.red.collect(v, nil, st, farText)
			case len(v) > 0 && (v[0] == '{' || v[0] == '['):
				p.constants(v, secret || st.secret)
			}
		})
	}
}

// finish redacts what was kept, when all secrets are known.
func (p *parser) finish() (*document, error) {
	members(p.variables, func(name string, v []byte) {
		if p.sensitive[name] || secretName(name, false) {
			p.red.collect(v, coversAll, state{}, farMask)
		}
	})
	p.variables = nil
	rows, err := p.gather(p.changes)
	if err != nil {
		return nil, err
	}
	drift, err := p.gather(p.drift)
	if err != nil {
		return nil, err
	}
	p.changes, p.drift = nil, nil
	members(p.outputs, func(name string, v []byte) { p.learnOutput(name, readChange(v)) })

	p.red.known.settle()
	p.doc.Format, p.doc.Keyed = documentFormat, len(p.red.known.key) > 0
	for i := range rows {
		if rows[i].still() {
			p.doc.NoOp++
		}
	}
	p.doc.ResourceChanges = make([]row, 0, len(rows)-p.doc.NoOp)
	for i := range rows {
		if !rows[i].still() {
			p.doc.ResourceChanges = append(p.doc.ResourceChanges, p.red.stored(&rows[i]))
		}
		rows[i] = rawRow{} // lets go of the raw bytes, which are most of the memory
	}
	for i := range drift {
		p.doc.ResourceDrift = append(p.doc.ResourceDrift, p.red.stored(&drift[i]))
	}
	if err := p.storeOutputs(); err != nil {
		return nil, err
	}
	p.storeChecks()
	p.judge()
	if p.red.deep {
		return nil, tooDeep()
	}
	p.doc.settle()
	return &p.doc, nil
}

// still reports whether nothing is done to the resource, and nothing to what the state says of it.
func (w *rawRow) still() bool {
	return class(w.actions) == ClassNoOp && w.PreviousAddress == "" && !imports(w.change.importing)
}

// gather reads raw rows and remembers what is secret in them.
func (p *parser) gather(raws [][]byte) ([]rawRow, error) {
	rows := make([]rawRow, 0, len(raws))
	for i, raw := range raws {
		w, err := readRow(raw)
		if err != nil {
			return nil, err
		}
		raws[i] = nil
		p.red.collect(w.before, readMask(w.beforeSensitive), state{}, farText)
		p.red.collect(w.after, readMask(w.afterSensitive), state{}, farText)
		rows = append(rows, w)
	}
	slices.SortStableFunc(rows, func(a, b rawRow) int { return byAddress(a.row, b.row) })
	for i := 1; i < len(rows); i++ {
		if byAddress(rows[i-1].row, rows[i].row) == 0 {
			return nil, bad("two changes of one resource")
		}
	}
	return rows, nil
}

func (p *parser) learnOutput(name string, g change) {
	st := p.red.about([]byte(name))
	p.red.collect(g.before, readMask(g.beforeSensitive), st, farText)
	p.red.collect(g.after, readMask(g.afterSensitive), st, farText)
}

func (p *parser) storeOutputs() error {
	ok := true
	members(p.outputs, func(name string, v []byte) {
		g := readChange(v)
		switch c := class(g.actions); {
		case c == "" || name == "" || !identifiers(name) || len(name) > maxAddress:
			ok = false
		case c == ClassNoOp:
			p.doc.NoOpOutputs++
		default:
			p.doc.OutputChanges = append(p.doc.OutputChanges, p.red.storedOutput(name, g))
		}
	})
	if !ok {
		return bad("an output change whose name or action is not known here")
	}
	return nil
}

// storeChecks keeps of the checks their status. Their messages are text of the configuration with
// values in it, and stay behind.
func (p *parser) storeChecks() {
	items(p.checks, func(raw []byte) {
		var k check
		members(raw, func(name string, v []byte) {
			switch name {
			case "address":
				members(v, func(name string, v []byte) {
					switch s := textOf(v); {
					case name == "to_display":
						k.Address = p.red.where(s)
					case name == "kind" && shortWord(s):
						k.Kind = s
					}
				})
			case "status":
				k.Status = status(textOf(v))
			case "instances":
				items(v, func([]byte) { k.Instances++ })
			}
		})
		k.Status = status(k.Status)
		p.doc.Checks = append(p.doc.Checks, k)
	})
	slices.SortStableFunc(p.doc.Checks, func(a, b check) int {
		return strings.Compare(a.Address+"\n"+a.Kind, b.Address+"\n"+b.Kind)
	})
}

// status allows the results of a check; any other is unknown, which is not passed.
func status(s string) string {
	switch s {
	case "pass", "fail", "error":
		return s
	}
	return "unknown"
}

// judge settles what the plan claims of itself. What is not claimed does not hold: OpenTofu and old
// Terraforms do not say whether a plan is complete.
func (p *parser) judge() {
	d := &p.doc
	d.Stated = p.complete != ""
	d.Complete = p.complete == "true" && !d.Errored && len(d.Ignored) == 0
	d.Applyable = p.applyable == "true"
	if p.applyable == "" {
		d.Applyable = !d.Errored && len(d.ResourceChanges)+len(d.OutputChanges) > 0
	}
}
