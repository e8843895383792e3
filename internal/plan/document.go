package plan

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

const documentFormat = "plumb.plan.document.v1"

// document is what is stored of a plan. Its fields stand in the order of their JSON names.
type document struct {
	Applyable       bool      `json:"applyable"`
	Checks          []check   `json:"checks"`
	Complete        bool      `json:"complete"`
	Errored         bool      `json:"errored"`
	Format          string    `json:"format"`
	FormatVersion   string    `json:"format_version"`
	Ignored         []ignored `json:"ignored"`
	Keyed           bool      `json:"keyed"`
	NoOp            int       `json:"noop"`
	NoOpOutputs     int       `json:"noop_outputs"`
	OutputChanges   []output  `json:"output_changes"`
	ResourceChanges []row     `json:"resource_changes"`
	ResourceDrift   []row     `json:"resource_drift"`
	Stated          bool      `json:"stated"` // the tool said whether the plan is complete
	ToolVersion     string    `json:"tool_version"`
}

// check is the state of one check of the configuration.
type check struct {
	Address   string `json:"address"`
	Instances int    `json:"instances"`
	Kind      string `json:"kind"`
	Status    string `json:"status"`
}

// ignored is a section of the plan that is not known here: its name, and a mark of its content.
type ignored struct {
	Mark string `json:"mark"`
	Name string `json:"name"`
}

// Document gives the redacted plan as canonical JSON: RFC 8785, save that numbers keep their digits.
// It is all that the server ever sees of a plan.
func (p *Plan) Document() []byte { return p.doc.append(make([]byte, 0, p.doc.size())) }

// size is a little more than the length of the document, so that its buffer is made once.
func (d *document) size() int {
	n := 1024 + 128*len(d.Checks)
	for _, rows := range [][]row{d.ResourceChanges, d.ResourceDrift} {
		for i := range rows {
			w := &rows[i]
			n += 512 + len(w.Before) + len(w.After) + len(w.AfterUnknown) + len(w.ReplacePaths) + len(w.Importing) +
				2*(len(w.Address)+len(w.PreviousAddress)+len(w.ModuleAddress)+len(w.Name)+len(w.Type)+len(w.Provider))
		}
	}
	for _, o := range d.OutputChanges {
		n += 128 + len(o.Name)*2 + len(o.Before) + len(o.After) + len(o.AfterUnknown)
	}
	return n
}

// settle puts everything in its order.
func (d *document) settle() {
	sortRows(d.ResourceChanges)
	sortRows(d.ResourceDrift)
	slices.SortStableFunc(d.OutputChanges, func(a, b output) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(d.Ignored, func(a, b ignored) int { return strings.Compare(a.Name, b.Name) })
	d.Checks, d.Ignored = orEmpty(d.Checks), orEmpty(d.Ignored)
	d.OutputChanges = orEmpty(d.OutputChanges)
	d.ResourceChanges, d.ResourceDrift = orEmpty(d.ResourceChanges), orEmpty(d.ResourceDrift)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ParseDocument reads a document back, on the server. A client made it, so it is held to the form
// that Document writes, byte for byte, and to every rule that Read keeps; what it says of secrets is
// checked against what stands in it. Each entry is checked before the next is read, so that a hostile
// document takes no more memory than an honest one of its size.
func ParseDocument(b []byte) (*Plan, error) {
	if len(b) > MaxPlan {
		return nil, tooLarge(MaxPlan)
	}
	p := &Plan{}
	dec := jsontext.NewDecoder(bytes.NewBuffer(b))
	err := object(dec, func(name string) error { return p.doc.section(dec, name) })
	var own *fault.Error
	switch {
	case errors.As(err, &own):
		return nil, own
	case err != nil:
		return nil, unreadable(err, dec.InputOffset(), !utf8.Valid(b))
	case p.doc.Format != documentFormat:
		return nil, foreign("it is of another format")
	case !bytes.Equal(p.Document(), b):
		return nil, foreign("a member is missing, out of order or written otherwise")
	}
	if err := p.doc.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// section reads one member of a document.
func (d *document) section(dec *jsontext.Decoder, name string) error {
	switch name {
	case "applyable":
		return field(dec, &d.Applyable)
	case "checks":
		return list(dec, &d.Checks, check.append)
	case "complete":
		return field(dec, &d.Complete)
	case "errored":
		return field(dec, &d.Errored)
	case "format":
		return field(dec, &d.Format)
	case "format_version":
		return field(dec, &d.FormatVersion)
	case "ignored":
		return list(dec, &d.Ignored, ignored.append)
	case "keyed":
		return field(dec, &d.Keyed)
	case "noop":
		return field(dec, &d.NoOp)
	case "noop_outputs":
		return field(dec, &d.NoOpOutputs)
	case "output_changes":
		return list(dec, &d.OutputChanges, output.append)
	case "resource_changes":
		return list(dec, &d.ResourceChanges, row.append)
	case "resource_drift":
		return list(dec, &d.ResourceDrift, row.append)
	case "stated":
		return field(dec, &d.Stated)
	case "tool_version":
		return field(dec, &d.ToolVersion)
	}
	return fault.New(fault.Invalid, "unknown_member", "The plan document has a member that is not known here.").
		Then("use the server's version of the program: plumb version")
}

func field[T any](dec *jsontext.Decoder, into *T) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return seal.Decode(v, into)
}

// list reads entries that must be written exactly as ours are.
func list[T any](dec *jsontext.Decoder, into *[]T, write func(T, line) line) error {
	*into = []T{}
	return array(dec, func() error {
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		var one T
		if err := seal.Decode(v, &one); err != nil {
			return err
		}
		if !bytes.Equal(write(one, nil), v) || !bytes.Equal(sorted(v), v) {
			return foreign("an entry is not in canonical form")
		}
		*into = append(*into, one)
		return nil
	})
}

func foreign(why string) *fault.Error {
	return fault.New(fault.Invalid, "bad_plan_document", "This is not a plan document as plumb writes it: %s.", why).
		FixedBy("the client that made it").Then("plumb plan show")
}

// check holds a document to the rules of Read.
func (d *document) check() error {
	switch major, minor, _ := strings.Cut(d.FormatVersion, "."); {
	case major != "1" || !versionText(minor) || d.ToolVersion != "" && !versionText(d.ToolVersion):
		return foreign("its versions cannot be read")
	case d.NoOp < 0 || d.NoOpOutputs < 0:
		return foreign("a count is negative")
	case d.Complete && (!d.Stated || d.Errored || len(d.Ignored) > 0):
		return foreign("it cannot be complete")
	case !slices.IsSortedFunc(d.ResourceChanges, byAddress) || !slices.IsSortedFunc(d.ResourceDrift, byAddress):
		return foreign("its resources are out of order")
	case d.Keyed && (twice(d.ResourceChanges) || twice(d.ResourceDrift)):
		return foreign("it names a resource twice")
	}
	for i := range d.ResourceChanges {
		if d.ResourceChanges[i].idle() {
			return foreign("it lists a resource that does not change")
		}
	}
	for _, rows := range [][]row{d.ResourceChanges, d.ResourceDrift} {
		for i := range rows {
			if err := rows[i].checkStored(); err != nil {
				return err
			}
		}
	}
	return d.checkRest()
}

func (w *row) checkStored() error {
	if err := w.check(); err != nil {
		return err
	}
	switch {
	case !w.fits():
		return foreign("an address is not made of its module, type and name")
	case len(w.Importing) > 0 && !imports(w.Importing):
		return foreign("an import is not an object")
	case len(w.ReplacePaths) > 0 && w.ReplacePaths[0] != '[':
		return foreign("the paths of a replacement are not a list")
	}
	for _, s := range []string{w.Address, w.PreviousAddress} {
		if _, ok := parts(s); s != "" && !ok && !marked(s) {
			return foreign("an address cannot be read")
		}
	}
	return nil
}

func (d *document) checkRest() error {
	for i, o := range d.OutputChanges {
		switch {
		case class(o.Actions) == "" || class(o.Actions) == ClassNoOp:
			return foreign("an output does not change, or in an unknown way")
		case o.Name == "" || !identifiers(o.Name) || len(o.Name) > maxAddress:
			return foreign("an output has no usable name")
		case i > 0 && (o.Name < d.OutputChanges[i-1].Name || d.Keyed && o.Name == d.OutputChanges[i-1].Name):
			return foreign("its outputs are out of order or named twice")
		}
	}
	for i, k := range d.Checks {
		if k.Status != status(k.Status) || k.Instances < 0 || !shortWord(k.Kind) || len(k.Address) > maxAddress ||
			i > 0 && k.Address+"\n"+k.Kind < d.Checks[i-1].Address+"\n"+d.Checks[i-1].Kind {
			return foreign("a check cannot be read")
		}
	}
	for i, s := range d.Ignored {
		if !shortWord(s.Name) || !marked(s.Mark) || i > 0 && s.Name < d.Ignored[i-1].Name {
			return foreign("an unknown section cannot be read")
		}
	}
	if seen := d.markers(); d.Keyed && seen.bare || !d.Keyed && seen.keyed {
		return foreign("its markers are not of the kind that it states")
	}
	return nil
}

// marked reports whether a text is nothing but a marker.
func marked(s string) bool {
	if s == bareMarker {
		return true
	}
	hex, ok := strings.CutPrefix(s, keyedMarker)
	return ok && len(hex) == 17 && hex[16] == ')' && hexOnly([]byte(hex[:16]))
}

// markers says which kinds of marker stand in a document.
func (d *document) markers() (seen struct{ bare, keyed bool }) {
	bare, keyed := []byte(anyMarker), []byte(keyedMarker)
	note := func(texts ...[]byte) {
		for _, b := range texts {
			for i := bytes.Index(b, bare); i >= 0; i = bytes.Index(b, bare) {
				if bytes.HasPrefix(b[i:], keyed) {
					seen.keyed = true
				} else {
					seen.bare = true
				}
				b = b[i+1:]
			}
		}
	}
	for _, rows := range [][]row{d.ResourceChanges, d.ResourceDrift} {
		for i := range rows {
			note([]byte(rows[i].Address), []byte(rows[i].PreviousAddress))
		}
	}
	for v := range d.values {
		note(v)
	}
	for _, o := range d.OutputChanges {
		note([]byte(o.Name))
	}
	for _, k := range d.Checks {
		note([]byte(k.Address))
	}
	for _, s := range d.Ignored {
		note([]byte(s.Mark))
	}
	return seen
}

// values yields every value of the document.
func (d *document) values(yield func(jsontext.Value) bool) {
	for _, rows := range [][]row{d.ResourceChanges, d.ResourceDrift} {
		for i := range rows {
			w := &rows[i]
			for _, v := range []jsontext.Value{w.Before, w.After, w.AfterUnknown, w.Importing, w.ReplacePaths} {
				if len(v) > 0 && !yield(v) {
					return
				}
			}
		}
	}
	for _, o := range d.OutputChanges {
		for _, v := range []jsontext.Value{o.Before, o.After, o.AfterUnknown} {
			if len(v) > 0 && !yield(v) {
				return
			}
		}
	}
}
