package policy_test

import (
	"bytes"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/policies"
)

func schemaFile(t testing.TB, name string) []byte {
	t.Helper()
	fsys, err := policies.Schema()
	if err != nil {
		t.Fatal(err)
	}
	b, err := fs.ReadFile(fsys, strings.TrimSuffix(name, ".yaml")+".json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// validate checks YAML text against the published schema of its file.
func validate(t testing.TB, name, text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaFile(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestShippedPackMeetsThePublishedSchemas(t *testing.T) {
	t.Parallel()
	for _, f := range shipped(t).Files() {
		if err := validate(t, f.Path, f.Text); err != nil {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
}

func TestSchemasRefuseWhatTheLoaderRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ file, old, new string }{
		{"pack.yaml", "name:", "nam:"},
		{"pack.yaml", "high: 72h", "high: soon"},
		{"pack.yaml", "- executor", "- nobody"},
		{"rules.yaml", "risk: medium", "risk: none"},
		{"rules.yaml", "kind: tests", "kind: hopes"},
		{"rules.yaml", "min: 1", "min: 0"},
		{"catalogue.yaml", "environment: dev", "environment: moon"},
		{"emergency.yaml", "prevention: true", "prevention: false"},
		{"emergency.yaml", "signoff: standard", "signoff: none"},
		{"models.yaml", "targets: 2", "targets: 0"},
	} {
		text := textOf(t, tc.file)
		changed := strings.Replace(text, tc.old, tc.new, 1)
		if changed == text {
			t.Fatalf("%s does not hold %q", tc.file, tc.old)
		}
		if validate(t, tc.file, changed) == nil {
			t.Errorf("%s: the schema takes %q", tc.file, tc.new)
		}
		if _, err := load(t, tc.file, changed); err == nil {
			t.Errorf("%s: the loader takes %q", tc.file, tc.new)
		}
	}
}

// schema is the part of a JSON Schema that must agree with the Go types.
type schema struct {
	Properties           map[string]schema `json:"properties"`
	Items                *schema           `json:"items"`
	AdditionalProperties *bool             `json:"additionalProperties"`
	Description          string            `json:"description"`
}

func TestSchemasAndGoTypesAgree(t *testing.T) {
	t.Parallel()
	for name, typ := range map[string]reflect.Type{
		"roles.yaml/roles": reflect.TypeFor[policy.Role](), "categories.yaml/categories": reflect.TypeFor[policy.Category](),
		"rules.yaml/rules": reflect.TypeFor[policy.Rule](), "models.yaml/models": reflect.TypeFor[policy.Model](),
		"calendar.yaml/windows": reflect.TypeFor[policy.Window](), "calendar.yaml/freezes": reflect.TypeFor[policy.Freeze](),
		"emergency.yaml/emergency": reflect.TypeFor[policy.Emergency](), "clauses.yaml/clauses": reflect.TypeFor[policy.Clause](),
		"pack.yaml/expire": reflect.TypeFor[policy.Expiry](), "catalogue.yaml/components": reflect.TypeFor[policy.Component](),
		"catalogue.yaml/targets": reflect.TypeFor[policy.Target](),
	} {
		file, key, _ := strings.Cut(name, "/")
		var s schema
		if err := json.Unmarshal(schemaFile(t, file), &s); err != nil {
			t.Fatal(err)
		}
		agree(t, name, s.Properties[key], typ)
	}
}

// agree compares the properties of a schema with the tags of a struct, all the way down.
func agree(t *testing.T, at string, s schema, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
		if typ.Kind() == reflect.Slice {
			if s.Items == nil {
				t.Errorf("%s: the schema has no items", at)
				return
			}
			s = *s.Items
		}
		typ = typ.Elem()
	}
	if s.Items != nil {
		s = *s.Items
	}
	if typ.Kind() != reflect.Struct {
		return
	}
	if s.AdditionalProperties == nil || *s.AdditionalProperties {
		t.Errorf("%s: the schema takes unknown keys", at)
	}
	var tags []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		tag := f.Tag.Get("json")
		tags = append(tags, tag)
		p, ok := s.Properties[tag]
		if !ok || p.Description == "" && tag != "scope" {
			t.Errorf("%s.%s: the schema lacks it or its description", at, tag)
		}
		agree(t, at+"."+tag, p, f.Type)
	}
	for name := range s.Properties {
		if !slices.Contains(tags, name) {
			t.Errorf("%s.%s: Go does not know it", at, name)
		}
	}
}
