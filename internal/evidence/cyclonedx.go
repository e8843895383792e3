package evidence

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// cdxBOM is what is read of a CycloneDX bill of materials.
type cdxBOM struct {
	BOMFormat   text `json:"bomFormat"`
	SpecVersion text `json:"specVersion"`
	Metadata    struct {
		Timestamp  text          `json:"timestamp"`
		Tools      cdxTools      `json:"tools"`
		Component  cdxSubject    `json:"component"`
		Properties cdxProperties `json:"properties"`
	} `json:"metadata"`
	Components      each[cdxComponent]     `json:"components"`
	Vulnerabilities each[cdxVulnerability] `json:"vulnerabilities"`
}

// cdxComponent is one part; parts nest.
type cdxComponent struct {
	Name       text               `json:"name"`
	Components each[cdxComponent] `json:"components"`
}

// cdxSubject is the component that the whole bill is about.
type cdxSubject struct {
	Version    text          `json:"version"`
	PURL       text          `json:"purl"`
	Hashes     each[cdxHash] `json:"hashes"`
	Properties cdxProperties `json:"properties"`
	Pedigree   struct {
		Commits each[cdxCommit] `json:"commits"`
	} `json:"pedigree"`
}

type cdxCommit struct {
	UID text `json:"uid"`
}

type cdxHash struct {
	Alg     text `json:"alg"`
	Content text `json:"content"`
}

type cdxProperty struct {
	Name  text `json:"name"`
	Value text `json:"value"`
}

type cdxProperties = each[cdxProperty]

type cdxVulnerability struct {
	ID          text            `json:"id"`
	Description text            `json:"description"`
	Ratings     each[cdxRating] `json:"ratings"`
	Analysis    struct {
		State text `json:"state"`
	} `json:"analysis"`
	Affects each[cdxRef] `json:"affects"`

	worst Severity
	known bool
	at    text
}

type cdxRating struct {
	Severity text `json:"severity"`
	Score    text `json:"score"`
	Method   text `json:"method"`
}

type cdxRef struct {
	Ref text `json:"ref"`
}

// cdxTools are the writing tools: an array up to version 1.4, and since 1.5 an object as well.
type cdxTools struct{ first cdxTool }

type cdxTool struct {
	Name    text `json:"name"`
	Version text `json:"version"`
}

// UnmarshalJSONFrom reads either form and keeps the first tool.
func (t *cdxTools) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	keep := each[cdxTool]{use: func(one *cdxTool) error {
		if t.first.Name == "" {
			t.first = *one
		}
		return nil
	}}
	if dec.PeekKind() != '{' {
		return keep.UnmarshalJSONFrom(dec)
	}
	both := struct {
		Components each[cdxTool] `json:"components"`
		Services   each[cdxTool] `json:"services"`
	}{keep, keep}
	return json.UnmarshalDecode(dec, &both)
}

func parseCycloneDX(src *source, o Options, res *Result) error {
	res.Kind, res.MediaType = SBOM, "application/vnd.cyclonedx+json"
	r, err := src.text((&jsonGuard{}).check)
	if err != nil {
		return err
	}
	t := newTally(res, o)
	doc := cdxBOM{Components: countComponents(t)}
	doc.Vulnerabilities = each[cdxVulnerability]{make: newCDXVulnerability,
		use: func(v *cdxVulnerability) error { v.add(t); return t.enter() }}
	doc.nameSubjects(res)
	if err := decode(CycloneDX, r, &doc); err != nil {
		return err
	}
	switch {
	case doc.BOMFormat != "CycloneDX":
		return fault.New(fault.Invalid, "not_cyclonedx", "The JSON is no CycloneDX bill of materials.").
			Then("name the format that it has: --format")
	case doc.SpecVersion != "1.4" && doc.SpecVersion != "1.5" && doc.SpecVersion != "1.6":
		return fault.New(fault.Invalid, "unknown_version", "This version of CycloneDX is not known; 1.4, 1.5 and 1.6 are.").
			Then("let the tool write CycloneDX 1.6 as JSON")
	}
	tool := doc.Metadata.Tools.first
	res.Tool = Tool{Name: clean(string(tool.Name)), Version: clean(string(tool.Version))}
	res.cover(instant(string(doc.Metadata.Timestamp)), instant(string(doc.Metadata.Timestamp)))
	nameComponent(res, string(doc.Metadata.Component.Version), string(doc.Metadata.Component.PURL))
	t.list(res)
	res.judge(o.FailOn)
	if res.Status == Pass {
		res.Reason = fmt.Sprintf("%s listed. %s", some(res.Counts.Components, "component"), res.Reason)
	}
	// A generator that understood nothing of its input writes a bill without parts.
	if res.Counts.Components == 0 {
		res.refuse("The bill of materials lists no component.")
	}
	return nil
}

// countComponents counts parts and the parts inside them.
func countComponents(t *tally) each[cdxComponent] {
	return each[cdxComponent]{
		make: func() *cdxComponent { return &cdxComponent{Components: countComponents(t)} },
		use:  func(*cdxComponent) error { t.counts.Components++; return t.enter() },
	}
}

func newCDXVulnerability() *cdxVulnerability {
	v := &cdxVulnerability{}
	v.Ratings.use = func(r *cdxRating) error { v.rate(r); return nil }
	v.Affects.use = func(a *cdxRef) error {
		if v.at == "" {
			v.at = a.Ref
		}
		return nil
	}
	return v
}

// rate takes the gravest of several ratings; a known one outweighs an unknown one, for sources that
// have not rated yet stand beside those that have.
func (v *cdxVulnerability) rate(r *cdxRating) {
	s, known := severity(string(r.Severity))
	if r.Severity == "" && strings.HasPrefix(string(r.Method), "CVSS") {
		if by, ok, rated := scored(string(r.Score)); rated {
			s, known = by, ok
		}
	}
	if v.worst == "" || known && (!v.known || s.rank() > v.worst.rank()) {
		v.worst, v.known = s, known
	}
}

// add counts the vulnerability, unless the bill's own analysis answers it.
func (v *cdxVulnerability) add(t *tally) {
	switch v.Analysis.State {
	case "resolved", "resolved_with_pedigree", "false_positive", "not_affected":
		t.counts.Suppressed++
		return
	}
	if v.worst == "" {
		v.worst = High
	}
	t.add(v.worst, v.known, string(v.ID), string(v.Description), string(v.at))
}

// nameSubjects prepares the parts of metadata.component that name digests.
func (doc *cdxBOM) nameSubjects(res *Result) {
	c := &doc.Metadata.Component
	c.Hashes.use = func(h *cdxHash) error {
		switch h.Alg {
		case "SHA-256", "SHA-384", "SHA-512":
			res.name(strings.ToLower(strings.Replace(string(h.Alg), "-", "", 1)) + ":" + string(h.Content))
		}
		return nil
	}
	c.Pedigree.Commits.use = func(one *cdxCommit) error { res.nameCommit(string(one.UID)); return nil }
	// Trivy's own property names, for an image.
	c.Properties.use = func(p *cdxProperty) error {
		if p.Name == "aquasecurity:trivy:ImageID" || p.Name == "aquasecurity:trivy:RepoDigest" {
			res.nameImage(string(p.Value))
		}
		return nil
	}
	doc.Metadata.Properties.use = func(p *cdxProperty) error {
		if p.Name == "plumb:subject" {
			res.name(string(p.Value))
		}
		return nil
	}
}

// nameComponent reads a digest that stands as the version, as Syft writes it for an image, or in an
// OCI package URL.
func nameComponent(res *Result, version, purl string) {
	res.nameImage(version)
	if !strings.HasPrefix(purl, "pkg:oci/") {
		return
	}
	purl, _, _ = strings.Cut(purl, "?")
	if plain, err := url.PathUnescape(purl); err == nil {
		res.nameImage(plain)
	}
}
