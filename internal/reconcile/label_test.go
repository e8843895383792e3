package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/reconcile"
)

// A label comes about by a person's word or by a source that says so; before anything ran, another's word is not this change's doing.
func TestALabelThatASourceShowsCameAbout(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.relabel(1, "classification", "internal")
	f.observe(time.Hour)
	m := f.material(grow(1))
	m.Effects = []change.Effect{{Target: "web-1", Path: "label.classification", Op: "update", After: "critical"}}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	c = f.approve(c, m)
	end := func(when, want string) {
		t.Helper()
		_, _, r := f.ends(c)
		for _, e := range r.Ends {
			if e.Claim.Path == "label.classification" && e.End == want {
				return
			}
		}
		t.Errorf("%s the ends are %+v, want the label %s", when, r.Ends, want)
	}
	f.observe(time.Minute)
	end("before it ran", reconcile.Awaited)
	p := f.open(c)
	f.size(1, "cx32")
	f.done(p, 1)
	f.observe(time.Minute)
	end("while nobody set it", reconcile.NotObserved)
	f.relabel(1, "classification", "critical")
	f.observe(time.Minute)
	end("as the source shows it", reconcile.Observed)
}

// relabel has both sources show another label of a server.
func (f *firm) relabel(n int, key, value string) {
	for _, source := range []string{"cloud", "state"} {
		for id, r := range f.see[source].records {
			if r.Native != address(n) && id != "hcloud:server:"+string(rune('0'+n)) {
				continue
			}
			labels := map[string]string{}
			for k, v := range r.Labels {
				labels[k] = v
			}
			labels[key] = value
			r.Labels = labels
			f.see[source].records[id] = r
		}
	}
}
