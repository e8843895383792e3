package salt

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/inventory"
)

// state is what became of one state. Salt's key of it is module, id, name and function between separators of its own.
type state struct {
	document.Object
	key   string
	fun   string // file.managed
	label string // file.managed[/etc/motd], with the id where that is another
}

func parseStates(o document.Object) ([]state, error) {
	var out []state
	for _, key := range slices.Sorted(maps.Keys(o)) {
		parts, s := strings.Split(key, "_|-"), document.AsObject(o[key])
		if _, ok := s["result"]; !ok || len(parts) < 4 {
			return nil, connect.BadDocument("a minion's result is neither grains nor those of states")
		}
		last := len(parts) - 1
		id, name := parts[1], strings.Join(parts[2:last], "_|-")
		one := state{Object: s, key: key, fun: parts[0] + "." + parts[last]}
		one.label = one.fun + "[" + name + "]"
		if id != name {
			one.label = one.fun + "[" + id + ": " + name + "]"
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		return nil, connect.BadDocument("a minion has no states in it")
	}
	return out, nil
}

// pending reports whether a test run would change something.
func (s state) pending() bool { return s.Object["result"].Kind() == 'n' }

// failed reports whether the state was not reached.
func (s state) failed() bool { return s.Text("result") == "false" }

// changed reports whether something was changed; modules that keep to no form say so by a list, a text or true.
func (s state) changed() bool {
	c := s.Object["changes"]
	return len(document.AsObject(c)) > 0 || len(document.AsList(c)) > 0 || document.AsText(c) != "" && c.Kind() != 'f'
}

// states reads one run of one minion: the minion, each file of states with what is not as written there, and each state that
// the run changed or could not reach.
func (m *results) states(name string, all []state, j job) ([]inventory.Record, error) {
	minion := m.mask.Plain(name)
	if err := m.once(minionType, minion); err != nil {
		return nil, err
	}
	out := []inventory.Record{m.agent(minion, all, j)}
	at := map[string]int{}
	add := func(r inventory.Record) {
		if i, twice := at[r.Type+"/"+r.Native]; twice { // names that differ in a secret only: the last word counts
			out[i] = r
			return
		}
		at[r.Type+"/"+r.Native] = len(out)
		out = append(out, r)
		out[0].Edges = append(out[0].Edges, inventory.Link{Verb: "HAS", To: inventory.ByRecord(r.Type, r.Native)})
	}
	for _, files := range m.files(minion, all, j) {
		r, err := m.drift(minion, files.name, files.states, j)
		if err != nil {
			return nil, err
		}
		add(r)
	}
	for _, s := range all {
		if !s.failed() && (s.pending() || j.test || !s.changed()) {
			continue
		}
		r, err := m.outcome(minion, s, j)
		if err != nil {
			return nil, err
		}
		add(r)
	}
	return out, nil
}

// agent is the minion itself. Its name is the host's full name unless somebody chose another.
func (m *results) agent(minion string, all []state, j job) inventory.Record {
	r := m.record(minionType, "HostAgent", minion, minion, minion)
	count := map[string]int64{}
	status := "success"
	for _, s := range all {
		switch {
		case s.failed():
			count["failed"]++
			status = "failure"
		case s.pending():
			count["pending"]++
		case s.changed():
			count["changed"]++
		}
	}
	if status == "success" && count["pending"] > 0 {
		status = "pending"
	}
	r.Attrs["managed.by"], r.Attrs["managed.status"] = inventory.Text("salt"), inventory.Text(status)
	r.Volatile["managed.states"] = inventory.Number(int64(len(all)))
	for _, what := range []string{"failed", "pending", "changed"} {
		r.Volatile["managed."+what] = inventory.Number(count[what])
	}
	if j.id != "" {
		r.Volatile["managed.run"] = m.mask.Value("run", j.id)
	}
	r.Edges = append(r.Edges, inventory.Link{Verb: "MANAGES", To: inventory.ByRecord(hostType, minion)})
	if _, err := netip.ParseAddr(minion); err != nil && strings.Contains(minion, ".") {
		for _, id := range document.Identify(nil, "fqdn", minion) {
			r.Edges = append(r.Edges, inventory.Link{Verb: "MANAGES", To: id})
		}
	}
	return r
}

// file is the states of one SLS file; a state that names none stands for itself.
type file struct {
	name   string
	states []state
}

// files groups states by the file they are written in: a run has all of a file or nothing of it, so what is no longer not as
// written is known. A run of single states of a file is left out.
func (m *results) files(minion string, all []state, j job) []file {
	if j.fun == "state.sls_id" {
		return nil
	}
	by := map[string][]state{}
	for _, s := range all {
		name := s.Text("__sls__")
		if name == "" {
			name = s.label
		}
		by[m.mask.Plain(name)] = append(by[m.mask.Plain(name)], s)
	}
	var out []file
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, file{name, by[name]})
	}
	return out
}

// drift says of one file which of its states the host is not in: a test run would change them, or a run failed to reach them.
func (m *results) drift(minion, name string, all []state, j job) (inventory.Record, error) {
	r := m.record(slsType, inventory.Configuration, minion, minion+"/"+name, name)
	var off, failed []string
	for _, s := range all {
		label := m.mask.Plain(s.label)
		if s.failed() {
			failed = append(failed, label)
		}
		if s.failed() || s.pending() {
			off = append(off, label)
		}
		if !s.pending() {
			continue
		}
		if err := m.mask.Flatten(r.Attrs, "drift."+label, s.Object["changes"]); err != nil {
			return r, err
		}
		if c := s.Text("comment"); c != "" {
			r.Volatile["comment."+label] = m.mask.Value("comment", c)
		}
	}
	r.Attrs["drift"], r.Attrs["failed"] = inventory.Set(off...), inventory.Set(failed...)
	if j.id != "" {
		r.Volatile["run"] = m.mask.Value("run", j.id)
	}
	return r, nil
}

// outcome is a state that a run changed or could not reach.
func (m *results) outcome(minion string, s state, j job) (inventory.Record, error) {
	r := m.record(stateType, inventory.Configuration, minion, minion+"/"+m.mask.Plain(s.key), m.mask.Plain(s.label))
	r.Attrs["status"], r.Attrs["action"] = inventory.Text("updated"), m.mask.Value("action", s.fun)
	if s.failed() {
		r.Attrs["status"] = inventory.Text("failed")
	}
	if sls := s.Text("__sls__"); sls != "" {
		r.Attrs["sls"] = m.mask.Value("sls", sls)
	}
	for path, v := range map[string]string{"comment": s.Text("comment"), "run": j.id, "started": s.Text("start_time"), "duration": s.Text("duration")} {
		if v != "" {
			r.Volatile[path] = m.mask.Value(path, v)
		}
	}
	flatten := m.mask.Flatten
	if strings.HasPrefix(s.fun, "pkg.") {
		flatten = m.mask.FlattenPackages // passwd is a package here, and what it changes to a version
	}
	return r, changes(&r, s.Object["changes"], flatten, m.mask.Plain)
}

// flattener is how changes become properties.
type flattener func(into map[string]inventory.Value, path string, v jsontext.Value) error

// outputs are what a command printed and was: they are other words at every run.
var outputs = []string{"pid", "stdout", "stderr", "diff"}

// changes reads what a state changed. Every module of Salt has a form of its own: old and new of the whole, of each part, only
// what is new, or a difference as text.
func changes(r *inventory.Record, v jsontext.Value, flatten flattener, plain func(string) string) error {
	o := document.AsObject(v)
	if o == nil {
		return flatten(r.Attrs, "after", v)
	}
	if isPair(o) {
		return pair(r, "", o, flatten)
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		var err error
		switch part := o.Object(name); {
		case slices.Contains(outputs, name):
			err = flatten(r.Volatile, name, o[name])
		case isPair(part):
			err = pair(r, "."+plain(name), part, flatten)
		default:
			err = flatten(r.Attrs, "after."+plain(name), o[name])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isPair reports whether an object is an old and a new value and nothing else.
func isPair(o document.Object) bool {
	for name := range o {
		if name != "old" && name != "new" {
			return false
		}
	}
	return len(o) > 0
}

func pair(r *inventory.Record, path string, o document.Object, flatten flattener) error {
	if err := flatten(r.Volatile, "before"+path, o["old"]); err != nil {
		return err
	}
	return flatten(r.Attrs, "after"+path, o["new"])
}
