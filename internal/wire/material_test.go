package wire_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

const someDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// material is a request with every member of every part filled in, in the order in which it is written.
const material = `{"type":"normal","category":"deploy","model":"m","summary":"S","justification":"J","components":["web"],"targets":["web-prod"],` +
	`"resolved":[{"name":"web-prod","asset":"AST-000001","environment":"prod","classification":"critical","kind":"host","owner":"it","role":"dns"}],` +
	`"bindings":[{"kind":"tf-plan","name":"tfplan","digest":"` + someDigest + `","normalized":"n","shown":"s","tree":"t","commit":"c","base":"l/1","repo":"acme/infra",` +
	`"document":"d","complete":true,"plan":{"create":1,"update":2,"delete":3,"replace":4,"types":["x"],"touches":[{"address":"x.a","op":"create"}],"whole":true},` +
	`"authors":["A <a@example.com>"],"grant":{"op":"grant","role":"security-lead","person":"per_1","group":"grp_1","into":"grp_2","until":5}}],` +
	`"effects":[{"target":"web-prod","path":"p","op":"update","after":"v"}],` +
	`"rollback":{"text":"R","binding":{"kind":"runbook","digest":"` + someDigest + `","complete":false},"trigger":"T","max_minutes":9,"rehearsed":"2026-01-05","point_of_no_return":"P","not_reversible":"N"},` +
	`"checks":["tests"],"window":{"from":"2026-01-05T12:00:00Z","until":"2026-01-05T13:00:00Z"},` +
	`"implementers":[{"person":"per_1","account":"acc_1","repo":"acme/infra","pipeline":"deploy"}],"data_flags":["pii"],` +
	`"deploy":{"job_name":"j","build_id":"7","action":"apply","branch":"main","environment":"prod","links":["l"],"scans":["security-scan"]},` +
	`"risk_floor":"high","attachments":[{"name":"a","digest":"` + someDigest + `","size":3}],"critical_role":"dns","emergency":"E"}`

// What is approved is these bytes: whoever writes a verifier reads the names here, and nothing but them.
func TestARequestIsWrittenAndReadByteForByte(t *testing.T) {
	t.Parallel()
	var m wire.Material
	if err := seal.Decode([]byte(material), &m); err != nil {
		t.Fatal(err)
	}
	if empty := blanks(reflect.ValueOf(m), "material"); len(empty) > 0 {
		t.Errorf("the example leaves out %s", strings.Join(empty, ", "))
	}
	if b, err := json.Marshal(m); err != nil || string(b) != material {
		t.Errorf("written again as %s, %v", b, err)
	}
	if b, err := json.Marshal(wire.Material{}); err != nil || string(b) != `{"type":"","category":"","summary":""}` {
		t.Errorf("an empty request is %s, %v", b, err)
	}
	for name, text := range map[string]string{
		"a member that is not known": strings.Replace(material, `"summary":"S"`, `"summary":"S","approved":true`, 1),
		"another case":               strings.Replace(material, `"targets"`, `"Targets"`, 1),
		"a member twice":             strings.Replace(material, `"summary":"S"`, `"summary":"S","summary":"T"`, 1),
		"another kind of value":      strings.Replace(material, `"complete":true`, `"complete":"yes"`, 1),
	} {
		if err := seal.Decode([]byte(text), &wire.Material{}); fault.Of(err).Kind != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// blanks lists the members of a value that hold nothing. The way back's own binding need not be as full as the one
// that is run: it is of the same type.
func blanks(v reflect.Value, path string) (out []string) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		if v.Type() == reflect.TypeFor[*wire.Binding]() {
			return nil
		}
		return blanks(v.Elem(), path)
	case v.Kind() == reflect.Slice && v.Len() > 0:
		return blanks(v.Index(0), path+"[0]")
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			out = append(out, blanks(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
		return out
	case v.IsZero():
		return []string{path}
	}
	return nil
}

// A number that could be read as another one, or a member without a name of its own, would let two programs approve
// different things under one digest.
func TestARequestHoldsNoFloatAndNamesEveryMember(t *testing.T) {
	t.Parallel()
	var look func(reflect.Type, string)
	look = func(at reflect.Type, path string) {
		switch at.Kind() {
		case reflect.Pointer, reflect.Slice:
			if at != reflect.TypeFor[*wire.Binding]() {
				look(at.Elem(), path+"[]")
			}
		case reflect.Struct:
			for i := range at.NumField() {
				f := at.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if name == "" || name != strings.ToLower(name) || !f.IsExported() {
					t.Errorf("%s.%s has no name of its own", path, f.Name)
				}
				if f.Type != reflect.TypeFor[time.Time]() {
					look(f.Type, path+"."+name)
				}
			}
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		default:
			t.Errorf("%s is a %s", path, at.Kind())
		}
	}
	look(reflect.TypeFor[wire.Material](), "material")
	look(reflect.TypeFor[wire.PermitPredicate](), "permit")
}

func TestAPermitIsWrittenByteForByte(t *testing.T) {
	t.Parallel()
	const want = `{"v":1,"install":"i","id":"prm_1","chg":"CHG-000007","rev_digest":"r","approvals_digest":"a","policy_digest":"p",` +
		`"bindings":[{"kind":"runbook","digest":"d","complete":false}],"targets_digest":"t","env":"prod","executor":"acc_1","kind":"apply","stage":"",` +
		`"attempt":1,"fence":9,"nbf":2,"exp":3,"nonce":"n"}`
	p := wire.PermitPredicate{V: 1, Install: "i", ID: "prm_1", Change: "CHG-000007", Rev: "r", Approvals: "a", Policy: "p",
		Bindings: []wire.Binding{{Kind: "runbook", Digest: "d"}}, Targets: "t", Env: "prod", Executor: "acc_1", Kind: wire.KindApply,
		Attempt: 1, Fence: 9, NotBefore: 2, Expires: 3, Nonce: "n"}
	if b, err := json.Marshal(p); err != nil || string(b) != want {
		t.Errorf("written as %s, %v", b, err)
	}
	var again wire.PermitPredicate
	if err := seal.Decode([]byte(want), &again); err != nil || !reflect.DeepEqual(p, again) {
		t.Errorf("read as %+v, %v", again, err)
	}
	if wire.PermitType != "https://plumbline.dev/attestation/change-permit/v1" {
		t.Errorf("a permit calls itself %s", wire.PermitType)
	}
}

// Two grants that differ in anything are two things to approve.
func TestAGrantIsNamedByAllThatItSays(t *testing.T) {
	t.Parallel()
	g := wire.Grant{Op: "grant", Role: "security-lead", Person: "per_1", Until: 5}
	canonical := jsontext.Value(`{"op":"grant","person":"per_1","role":"security-lead","until":5}`)
	want := seal.Digest("plumb.grant.v1", canonical)
	if got, err := g.Digest(); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	seen := map[string]bool{want: true}
	for _, other := range []wire.Grant{{Op: "revoke", Role: "security-lead", Person: "per_1", Until: 5}, {Op: "grant", Role: "it-manager", Person: "per_1", Until: 5},
		{Op: "grant", Role: "security-lead", Person: "per_2", Until: 5}, {Op: "grant", Role: "security-lead", Person: "per_1"},
		{Op: "grant", Role: "security-lead", Person: "per_1", Until: 5, Group: "grp_1"}, {Op: "grant", Role: "security-lead", Person: "per_1", Until: 5, Into: "grp_1"}} {
		d, err := other.Digest()
		if err != nil || seen[d] {
			t.Errorf("%+v has the digest of another: %s, %v", other, d, err)
		}
		seen[d] = true
	}
}
