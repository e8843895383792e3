package chef

import (
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

// converge reads the end of a run: the node with its attributes, and each resource that the run touched.
func (m *message) converge(doc document.Object) ([]inventory.Record, error) {
	if v := doc.Text("message_version"); v != "" && !strings.HasPrefix(v, "1.") {
		return nil, connect.BadDocument("its message_version is not 1")
	}
	host, err := m.host(nodeType, doc.Text("node_name"))
	if err != nil {
		return nil, err
	}
	node := doc.Object("node")
	if err := m.facts(&host, node.Object("automatic")); err != nil {
		return nil, err
	}
	if err := m.attributes(&host, doc, node); err != nil {
		return nil, err
	}
	m.run(&host, doc, node)
	list := doc.List("resources")
	if len(list) > mostResources {
		return nil, connect.BadDocument("the run has more than 100000 resources")
	}
	out := []inventory.Record{host}
	at := map[string]int{}
	for _, v := range list {
		r, err := m.resource(host, doc, document.AsObject(v))
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		if i, twice := at[r.Native]; twice { // notified again in one run: the last word counts
			out[i] = *r
			continue
		}
		at[r.Native] = len(out)
		out = append(out, *r)
		out[0].Edges = append(out[0].Edges, inventory.Link{Verb: "HAS", To: inventory.ByRecord(resourceType, r.Native)})
	}
	return out, nil
}

// attributes takes what people set on the node, the stronger level over the weaker.
func (m *message) attributes(r *inventory.Record, doc, node document.Object) error {
	for _, level := range []string{"default", "normal", "override"} {
		if err := m.mask.Flatten(r.Attrs, "attribute", node[level]); err != nil {
			return err
		}
	}
	tags := map[string]string{}
	for _, name := range inventory.Labels() {
		if v := r.Attrs["attribute."+name]; v != "" {
			tags[name] = v.Plain()
		}
	}
	for _, place := range []string{doc.Text("policy_group"), node.Text("policy_group"), node.Text("chef_environment")} {
		if _, ok := inventory.ReadLabel(inventory.LabelEnvironment, place); ok && tags["environment"] == "" {
			tags["environment"] = place
		}
	}
	r.Labels = connect.Labels(tags)
	return nil
}

// run keeps who manages the host, by which revision and since when. The instants change with every run and are only shown.
func (m *message) run(r *inventory.Record, doc, node document.Object) {
	set := func(into map[string]inventory.Value, path, v string) {
		if v != "" {
			into[path] = m.mask.Value(path, v)
		}
	}
	r.Attrs["managed.by"] = inventory.Text("chef")
	set(r.Attrs, "managed.status", doc.Text("status"))
	set(r.Attrs, "managed.policy", doc.Text("policy_name"))
	set(r.Attrs, "managed.policy_group", doc.Text("policy_group"))
	set(r.Volatile, "managed.at", doc.Text("end_time"))
	set(r.Volatile, "managed.started", doc.Text("start_time"))
	set(r.Volatile, "managed.run", doc.Text("run_id"))
	set(r.Volatile, "managed.updated", doc.Text("updated_resource_count"))
	set(r.Volatile, "managed.resources", doc.Text("total_resource_count"))
	set(r.Volatile, "managed.error", doc.Object("error").Text("message"))
	if list := doc.Texts("run_list"); len(list) > 0 {
		r.Attrs["managed.run_list"] = inventory.Text(strings.Join(list, ", ")) // its order is the order of the run
	}
	cookbooks, automatic := doc.Object("cookbooks"), node.Object("automatic")
	if len(cookbooks) == 0 {
		cookbooks = automatic.Object("cookbooks")
	}
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(cookbooks)) {
		if v := cookbooks.Object(name).Text("version"); v != "" {
			r.Attrs["managed.cookbook."+m.mask.Plain(name)] = inventory.Text(v)
			versions = append(versions, name+"@"+v)
		}
	}
	revision := automatic.Text("policy_revision")
	if revision == "" && len(versions) > 0 {
		revision = "cookbooks:" + seal.Digest("plumb.chef.cookbooks.v1", []byte(strings.Join(versions, "\n")))
	}
	set(r.Attrs, "managed.revision", revision)
}

// resource makes a record of what a run changed or could not change; nil for what was as it should be.
func (m *message) resource(host inventory.Record, doc, o document.Object) (*inventory.Record, error) {
	status := o.Text("status")
	if o.Text("type") == "" || status != "updated" && status != "failed" {
		return nil, nil
	}
	name := m.mask.Plain(o.Text("type") + "[" + o.Text("name") + "]")
	r := &inventory.Record{Scope: host.Scope, Type: resourceType, Class: inventory.Configuration, Native: host.Native + "/" + name, Name: name,
		Attrs: map[string]inventory.Value{}, Volatile: map[string]inventory.Value{}}
	r.Attrs["status"], r.Attrs["action"] = inventory.Text(status), m.mask.Value("action", o.Text("result"))
	if c := o.Text("cookbook_name"); c != "" {
		r.Attrs["cookbook"] = m.mask.Value("cookbook", c+"::"+o.Text("recipe_name")+"@"+o.Text("cookbook_version"))
	}
	if err := m.mask.Flatten(r.Attrs, "after", o["after"]); err != nil {
		return nil, err
	}
	if err := m.mask.Flatten(r.Volatile, "before", o["before"]); err != nil {
		return nil, err
	}
	for path, v := range map[string]string{"delta": o.Text("delta"), "run": doc.Text("run_id"), "at": doc.Text("end_time")} {
		if v != "" {
			r.Volatile[path] = m.mask.Value(path, v)
		}
	}
	return r, nil
}
