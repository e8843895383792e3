package cyclonedx

import (
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/inventory"
)

func (b *bill) read(doc *cdx.BOM) error {
	var root *inventory.Record
	if m := doc.Metadata; m != nil && m.Component != nil {
		r, err := b.component(m.Component, nil, 0)
		if err != nil {
			return err
		}
		root = r
	}
	for i := range list(doc.Components) {
		if _, err := b.component(&(*doc.Components)[i], root, 0); err != nil {
			return err
		}
	}
	for i := range list(doc.Services) {
		if err := b.service(&(*doc.Services)[i], root, 0); err != nil {
			return err
		}
	}
	for i := range list(doc.Vulnerabilities) {
		if err := b.vulnerability(&(*doc.Vulnerabilities)[i]); err != nil {
			return err
		}
	}
	for _, d := range list(doc.Dependencies) {
		from := b.byRef[d.Ref]
		for _, ref := range list(d.Dependencies) {
			b.link(from, "DEPENDS_ON", b.byRef[ref])
		}
		for _, ref := range list(d.Provides) {
			b.link(from, "IMPLEMENTS", b.byRef[ref])
		}
	}
	return nil
}

func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}

// edge is one edge of a bill: it may stand there many times.
type edge struct {
	from *inventory.Record
	verb string
	to   *inventory.Record
}

// link puts an edge between two parts; one to a part that the bill does not list says nothing.
func (b *bill) link(from *inventory.Record, verb string, to *inventory.Record) {
	if from == nil || to == nil || from == to {
		return
	}
	if e := (edge{from, verb, to}); !b.linked[e] {
		b.linked[e] = true
		from.Edges = append(from.Edges, inventory.Link{Verb: verb, To: inventory.ByRecord(to.Type, to.Native)})
	}
}

// keep adds a record, or gives the one that the bill listed before under the same id: bills name one package several times.
func (b *bill) keep(ref string, r *inventory.Record) (*inventory.Record, error) {
	key := r.Type + "/" + r.Native
	if known := b.byKey[key]; known != nil {
		r = known
	} else {
		if len(b.order) >= mostParts {
			return nil, connect.BadDocument("the bill lists more than 200000 parts")
		}
		b.byKey[key] = r
		b.order = append(b.order, r)
	}
	if ref != "" {
		b.byRef[ref] = r
	}
	return r, nil
}

func (b *bill) record(typ string, class inventory.Class, name string) *inventory.Record {
	return &inventory.Record{Scope: b.scope, Type: typ, Class: class, Name: b.mask.Plain(name), Attrs: map[string]inventory.Value{}}
}

func (b *bill) set(r *inventory.Record, path, value string) {
	if value != "" {
		r.Attrs[path] = b.mask.Value(path, value)
	}
}

// component reads a part and the parts inside it.
func (b *bill) component(c *cdx.Component, parent *inventory.Record, depth int) (*inventory.Record, error) {
	if c.Name == "" || depth > mostDepth {
		return nil, connect.BadDocument("a component has no name, or components nest too deep")
	}
	r := b.record(componentType, classOf(c.Type), strings.TrimPrefix(c.Group+"/"+c.Name, "/"))
	r.Native = componentID(c)
	b.set(r, "version", c.Version)
	b.set(r, "kind", string(c.Type))
	b.set(r, "scope", string(c.Scope))
	b.set(r, "cpe", c.CPE)
	b.set(r, "publisher", c.Publisher)
	if c.Supplier != nil {
		b.set(r, "supplier", c.Supplier.Name)
	}
	for _, h := range list(c.Hashes) {
		r.Attrs["hash."+strings.ToLower(string(h.Algorithm))] = inventory.Text(strings.ToLower(h.Value))
	}
	if l := licenses(c.Licenses); len(l) > 0 {
		r.Attrs["licenses"] = inventory.Set(l...)
	}
	b.properties(r, list(c.Properties))
	if c.PackageURL != "" && !b.mask.Holds(c.PackageURL) {
		r.Attrs["purl"] = inventory.Text(c.PackageURL)
		r.IDs = document.Identify(r.IDs, "package-url", c.PackageURL)
	}
	if c.Type == cdx.ComponentTypeContainer && strings.HasPrefix(c.Version, "sha256:") {
		r.IDs = document.Identify(r.IDs, "image-digest", c.Version)
	}
	r.Native = b.mask.Plain(r.Native)
	r, err := b.keep(c.BOMRef, r)
	if err != nil {
		return nil, err
	}
	b.link(parent, "CONTAINS", r)
	for i := range list(c.Components) {
		if _, err := b.component(&(*c.Components)[i], r, depth+1); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// componentID is the package URL, else what it consists of: a bom-ref is often random, and would be another thing each time.
func componentID(c *cdx.Component) string {
	if c.PackageURL != "" {
		return c.PackageURL
	}
	return string(c.Type) + ":" + strings.TrimPrefix(c.Group+"/"+c.Name, "/") + "@" + c.Version
}

func classOf(t cdx.ComponentType) inventory.Class {
	switch t {
	case cdx.ComponentTypeApplication, cdx.ComponentTypePlatform:
		return inventory.Application
	case cdx.ComponentTypeContainer:
		return inventory.Image
	case cdx.ComponentTypeDevice:
		return inventory.Device
	case cdx.ComponentTypeFile, cdx.ComponentTypeData:
		return inventory.Configuration
	}
	return inventory.Package
}

func licenses(l *cdx.Licenses) []string {
	var out []string
	if l == nil {
		return nil
	}
	for _, c := range *l {
		switch {
		case c.Expression != "":
			out = append(out, c.Expression)
		case c.License != nil && c.License.ID != "":
			out = append(out, c.License.ID)
		case c.License != nil && c.License.Name != "":
			out = append(out, c.License.Name)
		}
	}
	return out
}

// properties keeps the named values and reads the governed labels off them. A name may stand several times.
func (b *bill) properties(r *inventory.Record, props []cdx.Property) {
	tags, many := map[string]string{}, map[string][]string{}
	for _, p := range props {
		tags[p.Name] = p.Value
		many[p.Name] = append(many[p.Name], b.mask.Value(p.Name, p.Value).Plain())
	}
	for name, values := range many {
		if len(values) == 1 {
			r.Attrs["property."+b.mask.Plain(name)] = inventory.Text(values[0])
			continue
		}
		r.Attrs["property."+b.mask.Plain(name)] = inventory.Set(values...)
	}
	r.Labels = connect.Labels(tags)
}

func (b *bill) service(s *cdx.Service, parent *inventory.Record, depth int) error {
	if s.Name == "" || depth > mostDepth {
		return connect.BadDocument("a service has no name, or services nest too deep")
	}
	r := b.record(serviceType, inventory.Service, strings.TrimPrefix(s.Group+"/"+s.Name, "/"))
	r.Native = r.Name
	b.set(r, "version", s.Version)
	b.set(r, "trust_zone", s.TrustZone)
	if s.Provider != nil {
		b.set(r, "provider", s.Provider.Name)
	}
	if s.Authenticated != nil {
		r.Attrs["authenticated"] = inventory.Flag(*s.Authenticated)
	}
	if s.CrossesTrustBoundary != nil {
		r.Attrs["crosses_trust_boundary"] = inventory.Flag(*s.CrossesTrustBoundary)
	}
	var ends, data []string
	for _, e := range list(s.Endpoints) {
		ends = append(ends, b.mask.Value("endpoint", e).Plain())
	}
	for _, d := range list(s.Data) {
		data = append(data, string(d.Flow)+" "+d.Classification)
	}
	if len(ends) > 0 {
		r.Attrs["endpoints"] = inventory.Set(ends...)
	}
	if len(data) > 0 {
		r.Attrs["data"] = inventory.Set(data...)
	}
	b.properties(r, list(s.Properties))
	r, err := b.keep(s.BOMRef, r)
	if err != nil {
		return err
	}
	b.link(parent, "HAS", r)
	for i := range list(s.Services) {
		if err := b.service(&(*s.Services)[i], r, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (b *bill) vulnerability(v *cdx.Vulnerability) error {
	if v.ID == "" {
		return connect.BadDocument("a vulnerability has no id")
	}
	r := b.record(vulnerabilityType, inventory.Vulnerability, v.ID)
	r.Native = r.Name
	if v.Source != nil {
		b.set(r, "source", v.Source.Name)
	}
	var severities []string
	for _, rating := range list(v.Ratings) {
		if rating.Severity != "" {
			severities = append(severities, string(rating.Severity))
		}
	}
	if len(severities) > 0 {
		r.Attrs["severities"] = inventory.Set(severities...)
	}
	if v.Analysis != nil {
		b.set(r, "analysis.state", string(v.Analysis.State))
		b.set(r, "analysis.justification", string(v.Analysis.Justification))
	}
	b.set(r, "description", v.Description)
	r, err := b.keep(v.BOMRef, r)
	if err != nil {
		return err
	}
	for _, a := range list(v.Affects) {
		b.link(b.byRef[a.Ref], "HAS", r)
	}
	return nil
}
