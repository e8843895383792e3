package filing

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
)

// proof is the form for evidence.
type proof struct {
	f       ui.Frame
	v       change.View
	t       typed
	refused *fault.Error
	taken   []string // what was taken before something was refused
}

func (p Pages) askEvidence(v *frame.Visit) error {
	return p.proof(v, http.StatusOK, proof{t: typed{}})
}

func (p Pages) proof(v *frame.Visit, status int, x proof) error {
	id, err := change.ParseID(v.R.PathValue("id"))
	if err != nil {
		return err
	}
	if x.v, err = p.changes.Show(v.Ctx(), id); err != nil {
		return err
	}
	x.f = v.Frame("Evidence for "+string(id), "/changes")
	x.f.Width = "reading"
	return v.ShowAs(status, x.f, proofForm(x))
}

// takeEvidence takes files one after another; each that was taken stays, and is named.
func (p Pages) takeEvidence(v *frame.Visit) error {
	id, err := change.ParseID(v.R.PathValue("id"))
	if err != nil {
		return err
	}
	x := proof{}
	x.t, err = p.intake(v, func(t typed, f file) error {
		what, err := p.bring(v, id, t, f)
		if err == nil {
			x.taken = append(x.taken, f.name+": "+what)
		}
		return err
	})
	if err == nil && len(x.taken) == 0 {
		err = fault.New(fault.Invalid, "no_file", "No file was chosen.").FixedBy("you").Then("choose the report of a test or a scan")
	}
	if err != nil {
		status := 0
		if x.refused, status = v.Refusal(err); x.refused == nil {
			return err
		}
		return p.proof(v, status, x)
	}
	return v.Go("/changes/"+string(id), "Taken: "+strings.Join(x.taken, "; ")+".")
}

func verdict(status string) string {
	if status == string(evidence.Pass) {
		return "passed"
	}
	return "failed"
}

// bring adds one file as evidence and says what it shows. The same file comes once by one form, however often
// that is sent.
func (p Pages) bring(v *frame.Visit, id change.ID, t typed, f file) (what string, err error) {
	e := change.Evidence{Format: t.get("format"), Kind: t.get("kind"), Subject: t.get("subject"), Name: f.name}
	if e.Format == "" && slices.Contains(parsed, e.Kind) {
		found, err := evidence.Detect(bytes.NewReader(f.body))
		if err != nil {
			return "", err
		}
		e.Format, e.Kind = string(found), ""
	}
	if e.Format == "" {
		e.Format = string(evidence.Attached)
	}
	if e.Format != string(evidence.Attached) {
		e.Kind = ""
	}
	token := t.get(ui.OnceField)
	if token != "" {
		token = seal.Keyed(nil, token, e.Format, e.Kind, e.Subject, f.name, seal.Raw(f.body))
	}
	ctx, sent := personal.Once(v.Ctx(), v.Actor, token, "")
	r, err := p.changes.AddEvidence(ctx, v.Actor, id, e, bytes.NewReader(f.body))
	made, err := sent.Of(err)
	if made != "" {
		return "it came twice and was taken once", nil
	}
	return ui.Words(r.Kind) + ", " + verdict(r.Status), err
}

// parsed are the kinds that the program reads out of a report; the others are files that a person signs
// for.
var parsed = []string{"", string(evidence.Tests), string(evidence.StaticAnalysis), string(evidence.SecurityScan), string(evidence.SBOM)}

// subjects are what evidence of a change can be about.
func (x proof) subjects() []ui.Option {
	out := []ui.Option{}
	for _, b := range x.v.Material.Bindings {
		out = append(out, ui.Option{Value: b.Digest, Text: fmt.Sprintf("%s %s (%s)", kindName(b.Kind), b.Name, ui.ShortDigest(b.Digest))})
	}
	return out
}

func formats() []ui.Option {
	return []ui.Option{{Value: "", Text: "Find out by the file"}, {Value: "junit", Text: "JUnit XML: tests"}, {Value: "sarif", Text: "SARIF: static analysis or scan"},
		{Value: "trivy", Text: "Trivy JSON: security scan"}, {Value: "cyclonedx", Text: "CycloneDX: bill of materials"}, {Value: "attached", Text: "Any other file"}}
}

// attachedKinds are what a file that no program reads can stand for.
func attachedKinds() []ui.Option {
	out := []ui.Option{{Value: "", Text: "What the report itself says"}}
	for _, k := range policy.CheckKinds {
		if !slices.Contains(parsed, k) {
			out = append(out, ui.Option{Value: k, Text: ui.Words(k)})
		}
	}
	return out
}
