package cyclonedx

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

const canary = "s3cr3t-CANARY-value-9Xq"

func collect(t *testing.T, doc []byte) (map[string]inventory.Record, error) {
	t.Helper()
	src, err := Kind().Open(inventory.Input{Document: bytes.NewReader(doc),
		Mask: func(s string) inventory.Value { return inventory.Text(fmt.Sprintf("hmac:%d", len(s))) }})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]inventory.Record{}
	err = src.Collect(t.Context(), func(r inventory.Record) error { out[r.Native] = r; return nil })
	return out, err
}

const shop, tls = "pkg:golang/example.com/shop@1.2.0", "pkg:deb/debian/openssl@3.0.15?arch=amd64"

func sample() *cdx.BOM {
	b := cdx.NewBOM()
	yes := true
	b.Metadata = &cdx.Metadata{Component: &cdx.Component{BOMRef: "root", Type: cdx.ComponentTypeApplication, Name: "shop", Version: "1.2.0", PackageURL: shop}}
	b.Components = &[]cdx.Component{{BOMRef: "r1", Type: cdx.ComponentTypeLibrary, Name: "openssl", Version: "3.0.15", PackageURL: tls,
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: strings.Repeat("AB", 32)}},
		Properties: &[]cdx.Property{{Name: "environment", Value: "production"}, {Name: "db_password", Value: canary}},
		Components: &[]cdx.Component{{BOMRef: "r2", Type: cdx.ComponentTypeFile, Name: "openssl.cnf"}}}}
	b.Services = &[]cdx.Service{{BOMRef: "s1", Name: "payments", Endpoints: &[]string{"https://user:" + canary + "@pay.example/v1"}, Authenticated: &yes}}
	b.Vulnerabilities = &[]cdx.Vulnerability{{BOMRef: "v1", ID: "CVE-2024-0001", Ratings: &[]cdx.VulnerabilityRating{{Severity: cdx.SeverityHigh}},
		Affects: &[]cdx.Affects{{Ref: "r1"}}}}
	b.Dependencies = &[]cdx.Dependency{{Ref: "root", Dependencies: &[]string{"r1", "s1", "gone"}}}
	return b
}

func encode(t *testing.T, format cdx.BOMFileFormat, v cdx.SpecVersion) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, format).EncodeVersion(sample(), v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Every version in either form says the same.
func TestABillBecomesThingsAndWhatTheyDependOn(t *testing.T) {
	t.Parallel()
	first, err := collect(t, encode(t, cdx.BOMFileFormatJSON, cdx.SpecVersion1_6))
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 5 {
		t.Fatalf("%d records, want 5: %v", len(first), first)
	}
	app, lib := first[shop], first[tls]
	if app.Class != inventory.Application || lib.Class != inventory.Package || lib.Labels["environment"] != "prod" ||
		lib.Attrs["hash.sha-256"] != inventory.Text(strings.Repeat("ab", 32)) || len(lib.IDs) != 1 {
		t.Errorf("application %+v, library %+v", app, lib)
	}
	want := []inventory.Link{{Verb: "CONTAINS", To: inventory.ByRecord(componentType, tls)}, {Verb: "HAS", To: inventory.ByRecord(serviceType, "payments")},
		{Verb: "DEPENDS_ON", To: inventory.ByRecord(componentType, tls)}, {Verb: "DEPENDS_ON", To: inventory.ByRecord(serviceType, "payments")}}
	if d := cmp.Diff(want, app.Edges); d != "" {
		t.Error(d)
	}
	if v := first["CVE-2024-0001"]; v.Class != inventory.Vulnerability || v.Attrs["severities"] != inventory.Set("high") || len(lib.Edges) != 2 {
		t.Errorf("vulnerability %+v, edges of the library %v", v, lib.Edges)
	}
	if all := fmt.Sprint(first); strings.Contains(all, canary) || !strings.Contains(all, "hmac:") {
		t.Error("a secret of the bill entered a record")
	}
	for _, format := range []cdx.BOMFileFormat{cdx.BOMFileFormatJSON, cdx.BOMFileFormatXML} {
		for _, v := range []cdx.SpecVersion{cdx.SpecVersion1_4, cdx.SpecVersion1_5, cdx.SpecVersion1_6} {
			got, err := collect(t, encode(t, format, v))
			if err != nil {
				t.Errorf("version %s, form %d: %v", v, format, err)
			} else if d := cmp.Diff(first, got); d != "" {
				t.Errorf("version %s, form %d: %s", v, format, d)
			}
		}
	}
}

func TestWhatIsNoBillIsRefused(t *testing.T) {
	t.Parallel()
	whole := encode(t, cdx.BOMFileFormatJSON, cdx.SpecVersion1_6)
	for name, doc := range map[string]string{
		"nothing":       "",
		"half":          string(whole[:len(whole)/2]),
		"an old one":    string(encode(t, cdx.BOMFileFormatJSON, cdx.SpecVersion1_3)),
		"other JSON":    `{"a":1}`,
		"an empty bill": `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1}`,
		"a name twice":  `{"bomFormat":"CycloneDX","bomFormat":"CycloneDX","specVersion":"1.6","version":1}`,
		"an entity":     `<?xml version="1.0"?><!DOCTYPE bom [<!ENTITY x "y">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"/>`,
		"deep XML":      `<bom xmlns="http://cyclonedx.org/schema/bom/1.6">` + strings.Repeat("<components><component>", 1000),
		"other XML":     `<html/>`,
	} {
		out, err := collect(t, []byte(doc))
		if err == nil || len(out) > 0 || fault.Of(err).Kind == fault.Internal {
			t.Errorf("%s: %d records, error %v", name, len(out), err)
		}
	}
}

func FuzzCollect(f *testing.F) {
	var js, xm bytes.Buffer
	_ = cdx.NewBOMEncoder(&js, cdx.BOMFileFormatJSON).Encode(sample())
	_ = cdx.NewBOMEncoder(&xm, cdx.BOMFileFormatXML).EncodeVersion(sample(), cdx.SpecVersion1_6)
	f.Add(js.Bytes())
	f.Add(xm.Bytes())
	f.Fuzz(func(t *testing.T, doc []byte) {
		if out, err := collect(t, doc); err != nil && (len(out) > 0 || fault.Of(err).Kind == fault.Internal) {
			t.Errorf("%d records with %v", len(out), err)
		}
	})
}

// A part on which a whole bill depends costs as much per edge as any other: ten times the edges is not a hundred times the work.
func TestManyEdgesOfOnePartCostNoMoreThanTheyAre(t *testing.T) {
	t.Parallel()
	connecttest.Linear(t, 6_000, func(n int) {
		b := cdx.NewBOM()
		b.SpecVersion = cdx.SpecVersion1_6
		parts, refs := make([]cdx.Component, n), make([]string, n)
		for i := range parts {
			refs[i] = fmt.Sprintf("r%d", i)
			parts[i] = cdx.Component{BOMRef: refs[i], Type: cdx.ComponentTypeLibrary, Name: refs[i], Version: "1"}
		}
		b.Components, b.Dependencies = &parts, &[]cdx.Dependency{{Ref: "r0", Dependencies: &refs}}
		var doc bytes.Buffer
		if err := cdx.NewBOMEncoder(&doc, cdx.BOMFileFormatJSON).Encode(b); err != nil {
			t.Fatal(err)
		}
		out, err := collect(t, doc.Bytes())
		if r := out["library:r0@1"]; err != nil || len(r.Edges) != n-1 {
			t.Errorf("%d edges of %d, %v", len(r.Edges), n-1, err)
		}
	})
}
