package plan

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// leaves is everything of a plan that leaves the machine, as one text.
func leaves(p *Plan) string {
	digest, reason := p.Normalized()
	effects, _ := p.Effects(0)
	summary, _ := json.Marshal(p.Summary())
	return string(p.Document()) + fmt.Sprintf("%s %s %+v %s %v %+v %#v", summary, digest, effects, reason, p.Secrets(), p.Secrets(), p.Secrets())
}

func TestNoSecretOfARealPlanLeaves(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		raw := fixture(t, f.name)
		if !bytes.Contains(raw, []byte("canary")) && f.name != "errored.json" && f.name != "read.json" {
			t.Errorf("%s plants no secret", f.name)
		}
		for _, key := range [][]byte{testKey, nil} {
			out := leaves(mustRead(t, raw, key))
			for _, secret := range []string{"canary", "48151623", "AKIAIOSFODNN7EXAMPLE"} {
				if i := strings.Index(out, secret); i >= 0 {
					t.Errorf("%s, key %v: …%s…", f.name, key != nil, out[max(0, i-80):i+30])
				}
			}
		}
	}
}

// What a reviewer needs must stay to be seen.
func TestPlainValuesStay(t *testing.T) {
	t.Parallel()
	out := string(mustRead(t, fixture(t, "create.json"), testKey).Document())
	for _, want := range []string{`"big":9007199254740993`, `"text":"a<b & \"c\" ü"`, `"seen by everyone"`, `"leaf-eu"`, `HOST=db.internal\nDB_PASSWORD=(sens`,
		`\"user\":\"app\"`, `terraform_data.each[\"green \\\"b\\\"\"]`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// planted are values that must be masked for how they look, wherever they stand.
var planted = map[string]string{
	"aws key id":      "AKIAIOSFODNN7CANARY1",
	"aws session":     "ASIAIOSFODNN7CANARY1",
	"aws secret":      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYcanaryKEY1",
	"github":          "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
	"github fine":     "github_pat_11ABCDEFG0canaryCANARY_abcdefghijklmnop",
	"gitlab":          "glpat-canary1Canary2Can3",
	"slack bot":       "xoxb-17653672481-canary-19874698323",
	"slack hook":      "https://hooks.slack.com/services/T00000000/B00000000/XXcanaryXX",
	"stripe":          "sk_live_4eC39HqLyjWDcanaryzdp7dc",
	"google":          "AIzaSyDaGmWKa4JsXZ-canaryAi7YcanaryQQ",
	"npm":             "npm_canaryABCDEFGHIJ0123456789abcdef",
	"vault":           "hvs.CAESIJcanaryabcdefghijklmnop",
	"jwt":             "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5",
	"pem":             "-----BEGIN RSA PRIVATE KEY-----\nMIIEcanarycanarycanary\ncanarycanary==\n-----END RSA PRIVATE KEY-----\n",
	"openssh":         "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXkcanary\n-----END OPENSSH PRIVATE KEY-----",
	"hex 32":          "9f86d081884c7d659a2feaa0c55ad015",
	"hex 48":          "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
	"base64":          "dGhpcyBpcyBhIGNhbmFyeSBzZWNyZXQgMTIzNDU2",
	"base64 url":      "dGhpcyBpcyBh-IGNhbmFyeS_BzZWNyZXQ-gMTIzNDU2",
	"base32":          "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
	"base62":          "q7Wb2Zk9Lr4Xt8Vm3Nc6",
	"url password":    "postgres://app:canary-pw@db.internal:5432/x",
	"url slash":       "amqp://app:can/ary@mq.internal/x",
	"url token":       "https://canarytoken@example.com/repo.git",
	"assignment":      "export DB_PASSWORD=canary-pw",
	"connection":      "Server=db;User Id=app;Password=canary with spaces;Encrypt=true",
	"yaml":            "user: app\npassword: canary pw\nhost: db",
	"ini":             "api_key = canary-pw",
	"json broken":     `{"user": "app", "password": "canary-pw", oops`,
	"json":            `{"user":"app","nested":{"clientSecret":"canary-pw"}}`,
	"json in json":    `{"a":"{\"b\":\"{\\\"token\\\":\\\"canary-pw\\\"}\"}"}`,
	"json env":        `[{"name":"DB_PASSWORD","value":"canary-pw"}]`,
	"json env turned": `[{"value":"canary-pw","name":"DB_PASSWORD"}]`,
	"header":          "Authorization: Bearer canary-pw-1",
	"bearer":          "curl -H X: Bearer canary-pw-1 https://x",
	"option":          "mysql --user app --password canary-pw --host db",
	"command":         "mysql -u app -pcanary-pw shop",
	"command, split":  "mysqldump -u app \\\n  -pcanary-pw shop",
	"command, quoted": "sshpass -p 'a;b|canary' ssh web",
	"command, behind": "redis-cli --eval 'return 1; return 2' -a canary-pw",
	"quoted":          `password="canary pw" host="db"`,
	"ruby":            `:password => "canary-pw"`,
	"azure":           "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=canary-pw==;EndpointSuffix=core.windows.net",
}

// secretParts are what of each planted value may not be seen; the whole where none is named.
func secretParts(name, value string) []string {
	switch {
	case strings.Contains(value, "canary") && !strings.HasPrefix(value, "eyJ"):
		return []string{"canary"}
	case name == "url slash":
		return []string{"can/ary", "ary@"}
	}
	return []string{value}
}

// positions are the places of a plan where a value may stand, as a plan with the value in it, quoted.
var positions = map[string]func(quoted string) string{
	"after":        func(q string) string { return edit(`{"x":2}`, `{"x":`+q+`}`) },
	"before":       func(q string) string { return edit(`{"x":1}`, `{"x":`+q+`}`) },
	"nested":       func(q string) string { return edit(`{"x":2}`, `{"x":{"y":[1,{"z":`+q+`}]}}`) },
	"member name":  func(q string) string { return edit(`{"x":2}`, `{"x":{`+q+`:1}}`) },
	"output":       func(q string) string { return edit(`"configuration"`, out(q)+`,"configuration"`) },
	"drift":        func(q string) string { return edit(`"configuration"`, drift(q)+`,"configuration"`) },
	"import":       func(q string) string { return edit(`"after_unknown"`, `"importing":{"id":`+q+`},"after_unknown"`) },
	"unknown":      func(q string) string { return edit(`"after_unknown":{}`, `"after_unknown":{"x":`+q+`}`) },
	"unknown name": func(q string) string { return edit(`"after_unknown":{}`, `"after_unknown":{"x":{`+q+`:true}}`) },
	"replace path": func(q string) string { return edit(`"after_unknown"`, `"replace_paths":[["x",`+q+`]],"after_unknown"`) },
	"generated":    func(q string) string { return edit(`"after_unknown"`, `"generated_config":`+q+`,"after_unknown"`) },
	"variable":     func(q string) string { return edit(`{"value":"x"}`, `{"value":`+q+`}`) },
	"planned values": func(q string) string {
		return edit(`{"root_module":{}},"resource`, `{"outputs":{"o":{"sensitive":false,"value":`+q+`}}},"resource`)
	},
	"configuration": func(q string) string {
		return edit(`"configuration":{"root_module":{}}`, `"configuration":{"root_module":{"resources":[{"expressions":{"x":{"constant_value":`+q+`}}}]}}`)
	},
	"check": func(q string) string {
		return edit(`"configuration"`, `"checks":[{"address":{"kind":"check","to_display":"check.x"},"status":"fail","instances":[{"problems":[{"message":`+q+`}]}]}],"configuration"`)
	},
	"unknown part":   func(q string) string { return edit(`"configuration"`, `"unheard_of":`+q+`,"configuration"`) },
	"timestamp":      func(q string) string { return edit(`"2026-01-01T00:00:00Z"`, q) },
	"unknown member": func(q string) string { return edit(`"after_unknown"`, `"unheard_of":`+q+`,"after_unknown"`) },
	"instance key": func(q string) string {
		return edit(`"address":"aws_thing.a"`, `"address":`+string(quote(nil, "aws_thing.a["+q+"]")))
	},
	"previous address": func(q string) string {
		return edit(`"address":"aws_thing.a"`, `"address":"aws_thing.a","previous_address":`+string(quote(nil, "aws_thing.b["+q+"]")))
	},
	"module key": func(q string) string {
		m := string(quote(nil, "module.m["+q+"].aws_thing.a"))
		return edit(`"address":"aws_thing.a"`, `"module_address":`+m[:len(m)-len(`.aws_thing.a"`)]+`","address":`+m)
	},
}

func out(q string) string {
	return `"output_changes":{"o":{"actions":["create"],"before":null,"after":` + q + `,"after_unknown":false,"before_sensitive":false,"after_sensitive":false}}`
}

func drift(q string) string {
	return `"resource_drift":[{"address":"aws_thing.d","mode":"managed","type":"aws_thing","name":"d","provider_name":"p",` +
		`"change":{"actions":["update"],"before":{},"after":{"x":` + q + `},"after_unknown":{},"before_sensitive":{},"after_sensitive":{}}}]`
}

// Some 800 secrets: each kind in each place. None may be in anything that leaves.
func TestPlantedSecretsNeverLeave(t *testing.T) {
	t.Parallel()
	n := 0
	for kind, value := range planted {
		for place, plant := range positions {
			if place == "import" && strings.HasPrefix(kind, "hex") {
				continue // the identifiers of many clouds look so
			}
			raw := []byte(plant(string(quote(nil, value))))
			for _, key := range [][]byte{testKey, nil} {
				p, err := Read(bytes.NewReader(raw), Options{Key: key})
				if err != nil {
					t.Errorf("%s in %s: %v", kind, place, err)
					continue
				}
				text := leaves(p)
				for _, part := range secretParts(kind, value) {
					if i := strings.Index(text, part); i >= 0 {
						t.Errorf("%s in %s: …%s…", kind, place, text[max(0, i-120):min(len(text), i+60)])
					}
				}
				if _, err := ParseDocument(p.Document()); err != nil {
					t.Errorf("%s in %s: the document is refused: %v", kind, place, err)
				}
				n++
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d plants were tried", n)
	}
}

// marks are the ways in which a plan says that a value is secret: each gives a plan where the value
// stands once declared secret, and once, in the place for %s, in the open.
var marks = map[string]string{
	"after_sensitive":  edit(`{"x":2}`, `{"x":"SECRET","y":OPEN}`),
	"before_sensitive": edit(`{"x":1}`, `{"x":"SECRET"}`),
	"whole":            edit(`{"x":2}`, `{"x":{"deep":["SECRET"]},"y":OPEN}`),
	"variable": strings.Replace(strings.Replace(edit(`{"value":"x"}`, `{"value":"SECRET"}`), `"configuration":{"root_module":{}}`,
		`"configuration":{"root_module":{"variables":{"v":{"sensitive":true}}}}`, 1), `{"x":2}`, `{"y":OPEN}`, 1),
	"variable of a secret name": strings.Replace(edit(`"v":{"value":"x"}`, `"db_password":{"value":"SECRET"}`), `{"x":2}`, `{"y":OPEN}`, 1),
	"default": strings.Replace(edit(`"configuration":{"root_module":{}}`,
		`"configuration":{"root_module":{"module_calls":{"m":{"module":{"variables":{"v":{"sensitive":true,"default":{"a":"SECRET"}}}}}}}}`), `{"x":2}`, `{"y":OPEN}`, 1),
	"provider": strings.Replace(edit(`"configuration":{"root_module":{}}`,
		`"configuration":{"provider_config":{"aws":{"expressions":{"secret_key":{"constant_value":"SECRET"}}}},"root_module":{}}`), `{"x":2}`, `{"y":OPEN}`, 1),
	"prior state": strings.Replace(edit(`"configuration"`,
		`"prior_state":{"values":{"root_module":{"child_modules":[{"resources":[{"address":"module.m.data.d.d","values":{"r":"SECRET"},"sensitive_values":{"r":true}}]}]}}},"configuration"`), `{"x":2}`, `{"y":OPEN}`, 1),
	"prior state by name": strings.Replace(edit(`"configuration"`,
		`"prior_state":{"values":{"root_module":{"resources":[{"address":"data.d.d","values":{"api_key":"SECRET"},"sensitive_values":{}}]}}},"configuration"`), `{"x":2}`, `{"y":OPEN}`, 1),
	"state output": strings.Replace(edit(`"configuration"`,
		`"prior_state":{"values":{"outputs":{"o":{"sensitive":true,"value":{"k":["SECRET"]}}}}},"configuration"`), `{"x":2}`, `{"y":OPEN}`, 1),
	"planned value": strings.Replace(edit(`{"root_module":{}},"resource`,
		`{"root_module":{"resources":[{"address":"a.b","values":{"r":"SECRET"},"sensitive_values":{"r":true}}]}},"resource`), `{"x":2}`, `{"y":OPEN}`, 1),
	"output":   strings.Replace(edit(`"configuration"`, strings.Replace(out(`"SECRET"`), `"after_sensitive":false`, `"after_sensitive":true`, 1)+`,"configuration"`), `{"x":2}`, `{"y":OPEN}`, 1),
	"name":     edit(`{"x":2}`, `{"db_password":"SECRET","y":OPEN}`),
	"url":      edit(`{"x":2}`, `{"a":"https://app:SECRET@example.com/","y":OPEN}`),
	"text":     edit(`{"x":2}`, `{"a":"DB_PASSWORD=SECRET","y":OPEN}`),
	"env pair": edit(`{"x":2}`, `{"env":[{"name":"API_TOKEN","value":"SECRET"}],"y":OPEN}`),
	"no-op row": edit(`"resource_changes":[`, `"resource_changes":[{"address":"aws_thing.z","mode":"managed","type":"aws_thing","name":"z","provider_name":"p",`+
		`"change":{"actions":["no-op"],"before":{"q":"SECRET"},"after":{"q":"SECRET"},"after_unknown":{},"before_sensitive":{"q":true},"after_sensitive":{"q":true}}},`),
}

func markSensitive(name, plan string) string {
	switch name {
	case "after_sensitive", "whole":
		return strings.Replace(plan, `"after_sensitive":{}`, `"after_sensitive":{"x":true}`, 1)
	case "before_sensitive":
		return strings.Replace(strings.Replace(plan, `"before_sensitive":{}`, `"before_sensitive":{"x":true}`, 1), `{"x":2}`, `{"y":OPEN}`, 1)
	case "no-op row":
		return strings.Replace(plan, `{"x":2}`, `{"y":OPEN}`, 1)
	}
	return plan
}

// A value that is secret in one place is masked wherever else it stands, also written otherwise.
func TestSecretsAreMaskedWhereverTheyRecur(t *testing.T) {
	t.Parallel()
	const secret = "correct horse/battery+staple"
	forms := map[string]string{"whole": secret, "inside": "it is <" + secret + ">!", "word": "x " + secret,
		"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "hex": hex.EncodeToString([]byte(secret)),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "in json": `{"a":["` + secret + `"]}`}
	for mark, plan := range marks {
		plan = markSensitive(mark, plan)
		if strings.Contains(plan, `@example.com`) {
			plan = strings.ReplaceAll(plan, "SECRET", "correct-horse-battery")
		}
		if strings.Contains(plan, "DB_PASSWORD=SECRET") {
			plan = strings.ReplaceAll(plan, "SECRET", "correct-horse-battery")
		}
		plain := strings.Contains(plan, "correct-horse-battery")
		for form, text := range forms {
			value := secret
			if plain {
				if form != "whole" && form != "inside" {
					continue
				}
				value = "correct-horse-battery"
				text = strings.ReplaceAll(text, secret, value)
			}
			raw := strings.ReplaceAll(strings.ReplaceAll(plan, "SECRET", value), "OPEN", string(quote(nil, text)))
			got := leaves(mustRead(t, []byte(raw), testKey))
			if strings.Contains(got, "correct") || strings.Contains(got, text) {
				t.Errorf("declared by %s, recurs as %s: it leaves\n%s", mark, form, got)
			}
		}
	}
}

// Terraform escapes the keys of instances; a secret must be seen through the escapes.
func TestEscapedInstanceKeys(t *testing.T) {
	t.Parallel()
	for written, plain := range map[string]string{`plain`: "plain", `a\"b`: `a"b`, `a\\b`: `a\b`, `a\nb\tc\r`: "a\nb\tc\r", `\u00e9\U0001F600`: "é😀",
		`$${x}%%{y}`: "${x}%{y}", `\`: `\`, `\u12`: `\u12`, `\q`: `\q`, `\u0000`: "\x00"} {
		if got := unquoteKey(written); got != plain {
			t.Errorf("%s: got %q, want %q", written, got, plain)
		}
	}
	plan := strings.Replace(edit(`{"x":2}`, `{"x":"pass\nphrase é"}`), `"after_sensitive":{}`, `"after_sensitive":{"x":true}`, 1)
	plan = strings.Replace(plan, `"address":"aws_thing.a"`, `"address":"aws_thing.a[\"pass\\nphrase \\u00e9\"]"`, 1)
	if got := string(mustRead(t, []byte(plan), testKey).Document()); strings.Contains(got, "phrase") {
		t.Errorf("an escaped secret leaves: %s", got)
	}
}

func TestShortSecretsDoNotMaskTheRest(t *testing.T) {
	t.Parallel()
	plan := strings.Replace(edit(`{"x":2}`, `{"x":{"a":"on","b":"true","c":"prod","d":7},"y":"on","z":"product of prod","n":7,"w":"prod","t":true}`),
		`"after_sensitive":{}`, `"after_sensitive":{"x":true}`, 1)
	got := string(mustRead(t, []byte(plan), nil).Document())
	for _, want := range []string{`"y":"on"`, `"z":"product of (sensitive)"`, `"n":7`, `"w":"(sensitive)"`, `"t":true`, `"x":"(sensitive)"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// A type is what rules are written on: nobody may blur it by declaring its name a secret.
func TestTypesCannotBeMasked(t *testing.T) {
	t.Parallel()
	plan := strings.Replace(edit(`{"x":2}`, `{"x":"aws_thing","y":"aws_thing"}`), `"after_sensitive":{}`, `"after_sensitive":{"x":true}`, 1)
	p := mustRead(t, []byte(plan), testKey)
	if got := p.Types(); len(got) != 1 || got[0] != "aws_thing" {
		t.Errorf("types %v", got)
	}
	if got := p.Summary().Resources[0].Address; got != "aws_thing.a" {
		t.Errorf("address %s", got)
	}
	if !strings.Contains(string(p.Document()), `"y":"(sensitive`) {
		t.Error("the value elsewhere is to be masked")
	}
	named := strings.NewReplacer(`"x":2`, `"x":"production"`, `"after_sensitive":{}`, `"after_sensitive":{"x":true}`,
		`"aws_thing.a"`, `"aws_thing.production"`, `"name":"a"`, `"name":"production"`).Replace(mini)
	p = mustRead(t, []byte(named), testKey)
	if s := p.Summary(); s.MaskedPlaces != 1 || !strings.HasPrefix(s.Resources[0].Address, "aws_thing.(sensitive:hmac:") {
		t.Errorf("a place that cannot be named must be counted: %+v", s)
	}
	if _, err := ParseDocument(p.Document()); err != nil {
		t.Error(err)
	}
}

func TestMasks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, mask, want string }{
		{`{"a":1,"b":"x"}`, `{}`, `{"a":1,"b":"x"}`},
		{`{"a":1,"b":"x"}`, `false`, `{"a":1,"b":"x"}`},
		{`{"a":1,"b":"x"}`, `true`, `"(sensitive)"`},
		{`{"a":1,"b":"x"}`, `{"b":true}`, `{"a":1,"b":"(sensitive)"}`},
		{`{"a":1,"b":"x"}`, `{"b":false}`, `{"a":1,"b":"x"}`},
		{`{"a":true,"b":null}`, `{"a":true,"b":true}`, `{"a":"(sensitive)","b":null}`},
		{`{"a":[1,2]}`, `{"a":[false,true]}`, `{"a":[1,"(sensitive)"]}`},
		{`{"a":[1,2]}`, `{"a":[false]}`, `{"a":[1,"(sensitive)"]}`}, // shorter than the value: the rest is unknown
		{`{"a":[1,2]}`, `{"a":{"b":true}}`, `{"a":"(sensitive)"}`},  // of another shape
		{`{"a":{"b":1}}`, `{"a":[true]}`, `{"a":"(sensitive)"}`},    // of another shape
		{`{"a":{"b":1}}`, `{"a":"yes"}`, `{"a":"(sensitive)"}`},     // of no known kind
		{`{"a":{"b":1}}`, `{"a":null}`, `{"a":"(sensitive)"}`},      // of no known kind
		{`{"a":7}`, `{"a":{"b":true}}`, `{"a":"(sensitive)"}`},      // deeper than the value
		{`{"a":1}`, `[]`, `"(sensitive)"`},                          // of another shape
		{`{"a":1}`, ``, `"(sensitive)"`},                            // no mask at all
		{`{"a/b":{"~":1}}`, `{"a/b":{"~":true}}`, `{"a/b":{"~":"(sensitive)"}}`},
		{`{"b":1,"a":2,"\u00e9":3,"\ud83d\ude00":4,"\uffee":5}`, `{}`, `{"a":2,"b":1,"é":3,"😀":4,"` + "\uffee" + `":5}`},
	} {
		r := newRedactor(newSecrets(nil))
		var raw []byte
		if c.mask != "" {
			raw = []byte(c.mask)
		}
		if got := string(r.redact("a", "", []byte(c.value), readMask(raw), state{})); got != c.want {
			t.Errorf("%s under %s: got %s, want %s", c.value, c.mask, got, c.want)
		}
	}
}

func TestMarkersNeedThePlaceAndTheKey(t *testing.T) {
	t.Parallel()
	mark := func(key []byte, address, path, value string) string {
		return newSecrets(key).marker(address, path, []byte(value))
	}
	base := mark(testKey, "a", "/p", `"v"`)
	if len(base) != len("(sensitive:hmac:0123456789abcdef)") || !marked(base) || mark(testKey, "a", "/p", `"v"`) != base {
		t.Errorf("marker %s", base)
	}
	for _, other := range []string{mark(testKey, "b", "/p", `"v"`), mark(testKey, "a", "/q", `"v"`), mark(testKey, "a", "/p", `"w"`),
		mark(testKey, "a/p", "", `"v"`), mark([]byte("another key of 32 bytes, as it is"), "a", "/p", `"v"`)} {
		if other == base {
			t.Error("two different things have the same marker")
		}
	}
	if got := mark(nil, "a", "/p", `"v"`); got != "(sensitive)" {
		t.Errorf("without a key: %s", got)
	}
}

// Not every database can store U+0000, so the server refuses it; no plan may bring it there.
func TestTextsThatCannotBeStoredAreMasked(t *testing.T) {
	t.Parallel()
	for place, plant := range positions {
		p, err := Read(strings.NewReader(plant(`"a b\u0000c d"`)), Options{Key: testKey})
		if err != nil {
			continue // addresses and versions with it are refused
		}
		if _, err := ParseDocument(p.Document()); err != nil || strings.Contains(strings.ReplaceAll(string(p.Document()), `\\u0000`, ""), `\u0000`) {
			t.Errorf("in %s: %v\n%s", place, err, p.Document())
		}
	}
}

// Who writes a marker into a configuration must not be taken for the redactor.
func TestMarkersCannotBeForged(t *testing.T) {
	t.Parallel()
	real := mustRead(t, []byte(strings.Replace(edit(`{"x":2}`, `{"x":"canary"}`), `"after_sensitive":{}`, `"after_sensitive":{"x":true}`, 1)), testKey)
	doc := string(real.Document())
	i := strings.Index(doc, keyedMarker)
	forged := mustRead(t, []byte(edit(`{"x":2}`, `{"x":"`+doc[i:i+len(keyedMarker)+17]+`"}`)), testKey)
	a, _ := real.Normalized()
	b, _ := forged.Normalized()
	if a == b || strings.Contains(string(forged.Document()), doc[i:i+len(keyedMarker)+17]) {
		t.Error("a value in clear passes for a masked one")
	}
}

func TestSecretNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"password": true, "db_password": true, "dbPassword": true, "DB-PASSWORD": true, "master.password": true, "PGPASSWORD": true,
		"passwd": true, "mysql_pwd": true, "secret": true, "client_secret": true, "secrets": true, "token": true, "access_token": true,
		"private_key": true, "privateKeyPem": true, "api_key": true, "apikey": true, "X-Api-Key": true, "aws_access_key_id": true,
		"connection_string": true, "ConnectionStrings": true, "primary_access_key": true, "authorization": true, "kubeconfig": true,
		"pin": true, "otp": true, "dsn": true, "salt": true, "webhook_url": true, "sas_token": true, "auth": true, "vault_token": true,
		"service_account_credentials": true, "secret_account": true, strings.Repeat("x", 300): true,
		"user": false, "username": false, "name": false, "secret_name": false, "password_length": false, "token_ttl": false,
		"secret_arn": false, "password_policy": false, "public_key": false, "key": false, "keys": false, "kms_key_id": false,
		"key_name": false, "opinion": false, "spinning": false, "tokenizer_type": false, "author": false, "compass_id": false,
		"bypassed": false, "": false, "credentials_file": false, "private_key_path": false,
	} {
		if got := secretName(name, false); got != want {
			t.Errorf("%q: secret %v, want %v", name, got, want)
		}
	}
	if !secretName("key", true) || secretName("key", false) {
		t.Error("the name key counts only in texts")
	}
}

// What follows a command is not what it takes: the reviewer sees where that goes.
func TestTheCommandBehindIsLeftAlone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"sshpass -p hunter22 ssh web; mkdir -p /srv/data":        "sshpass -p (sensitive) ssh web; mkdir -p /srv/data",
		"redis-cli -a hunter22 ping && ls -a /srv/data":          "redis-cli -a (sensitive) ping && ls -a /srv/data",
		"sshpass -p hunter22 ssh web\nmkdir -p /srv/data":        "sshpass -p (sensitive) ssh web\nmkdir -p /srv/data",
		"mysql -phunter22 shop; mysql -phunter33 mail; ls -a /x": "mysql -p(sensitive) shop; mysql -p(sensitive) mail; ls -a /x",
		"mysql -p shop":  "mysql -p shop",
		"xmysql -pshop1": "xmysql -pshop1",
	} {
		if got := Scrub(nil, in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// A long text of nothing but commands costs no more by the byte than a short one.
func TestManyCommandsAreReadOnce(t *testing.T) {
	t.Parallel()
	if spans := scanCommands(nil, bytes.Repeat([]byte("mysql -pa "), 1_000)); len(spans) != 1_000 {
		t.Errorf("the 1,000 options of one line are looked at %d times", len(spans))
	}
}

// What people write must not be masked: a plan that nobody can read is approved unread.
func TestPlainTextsAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "a", "t3.large", "eu-central-1a", "my-production-cluster-eu-central-1", "MySuperLongResourceNameForThing",
		"arn:aws:iam::123456789012:role/service-role/AWSLambdaBasicExecutionRole", "i-0abcdef1234567890", "subnet-0a1b2c3d4e5f67890",
		"ami-0a1b2c3d", "2026-01-01T00:00:00Z", "10.0.0.0/16", "2001:db8:85a3::8a2e:370:7334", "/usr/local/share/ca-certificates/company-root.crt",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "/subscriptions/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/resourceGroups/production-network/providers/Microsoft.Network",
		"registry.example.com/team/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"https://example.com/path?page=2", "https://example.com:8443/a@b", "git@github.com:example/repo.git", "ssh://git@github.com/example/repo.git",
		"The quick brown fox jumps over the lazy dog; then it sleeps.", "for_each = toset([\"a\", \"b\"])", "0 3 * * * /usr/bin/backup --all",
		"ip-10-0-12-34.eu-central-1.compute.internal", "#!/bin/bash\napt-get update\napt-get install -y nginx\n", "123456789012345678901234567890",
		"token_ttl=3600", "password_policy: strict", "manage_password = true", "system:serviceaccount:kube-system:default",
	} {
		if got := Scrub(nil, text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	r := newRedactor(newSecrets(nil))
	digest := `{"image_digest":"9f86d081884c7d659a2feaa0c55ad015","commit":"da39a3ee5e6b4b0d3255bfef95601890afd80709","vpc_id":"vpc-0a1b2c3d4e5f67890"}`
	if got := string(r.redact("a", "", []byte(digest), nil, state{})); strings.Contains(got, "sensitive") {
		t.Errorf("fingerprints under their names: %s", got)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	known := mustRead(t, fixture(t, "create.json"), testKey).Secrets()
	for in, want := range map[string]string{
		"login with canary-variable-0 failed":          "login with (sensitive) failed",
		"canary-variable-0":                            "(sensitive)",
		"pin 48151623, not 481516234":                  "pin (sensitive), not 481516234",
		"https://u:hunter2@db/x and password=hunter22": "https://(sensitive)@db/x and password=(sensitive)",
		"":                   "",
		"nothing to see":     "nothing to see",
		"(sensitive value)":  "(sensitive value)",
		"a\x00b\xff binary?": "a\uFFFDb\uFFFD binary?",
	} {
		if got := Scrub(known, in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	p := mustRead(t, fixture(t, "create.json"), testKey)
	b, _ := json.Marshal(p.Secrets())
	for _, s := range []string{fmt.Sprint(p.Secrets()), fmt.Sprintf("%+v %#v %s", p.Secrets(), p.Secrets(), p.Secrets()), string(b)} {
		if strings.Contains(s, "canary") || strings.Contains(s, string(testKey)) {
			t.Error("secrets print")
		}
	}
}
