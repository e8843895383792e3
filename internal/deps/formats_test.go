package deps_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/policies"
)

// The worked examples of docs/ are computed here twice: by the rooms, and by the few lines of standard
// library that the documents describe. So the documents cannot rot, and whoever writes a verifier from
// them has its test vectors.
//
// An example is a fenced block below a line <!-- example: name -->. In blocks of JSON the line breaks
// were put in for reading; the bytes have none.

var update = flag.Bool("update", false, "write the worked examples of docs/ anew")

var exampleBlock = regexp.MustCompile("(?m)^<!-- example: ([a-z0-9-]+) -->\n```([a-z]*)\n((?s:.*?))\n```$")

func TestWorkedExamplesAreWhatTheProgramDoes(t *testing.T) {
	t.Parallel()
	got := examples(t)
	seen := map[string]bool{}
	for _, file := range pages(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		again := exampleBlock.ReplaceAllStringFunc(string(text), func(block string) string {
			m := exampleBlock.FindStringSubmatch(block)
			name, kind, have := m[1], m[2], m[3]
			value, known := got[name]
			switch {
			case !known:
				t.Errorf("%s: nothing computes the example %s", file, name)
				return block
			case seen[name]:
				t.Errorf("%s: the example %s stands twice", file, name)
			case kind == "json" && strings.ReplaceAll(have, "\n", "") != value, kind != "json" && have != value:
				if !*update {
					t.Errorf("%s: example %s is\n%s\nwant\n%s", file, name, have, value)
				}
			}
			seen[name] = true
			if kind == "json" {
				value = wrapped(value)
			}
			return "<!-- example: " + name + " -->\n```" + kind + "\n" + value + "\n```"
		})
		if *update && again != string(text) {
			if err := os.WriteFile(file, []byte(again), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !seen[name] {
			t.Errorf("no document shows the example %s", name)
		}
	}
}

// pages are the documents of the project.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		list, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list...)
	}
	return out
}

// wrapped breaks one line of JSON behind commas, so that it can be read.
func wrapped(s string) string {
	const most = 100
	var out []string
	for len(s) > most {
		at := strings.LastIndexByte(s[:most], ',') + 1
		if at <= 1 {
			at = most
		}
		out, s = append(out, s[:at]), s[at:]
	}
	return strings.Join(append(out, s), "\n")
}

// The sample of all examples: an install whose key is no secret, and one change.
const (
	sampleInstall = "install_example"
	sampleOrigin  = "plumbline.dev/" + sampleInstall
	sampleFile    = "max_sessions = 3\n"
)

var sampleTime = time.Date(2026, 1, 2, 20, 0, 0, 0, time.UTC)

func examples(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	key := sampleKey(t, out)
	exampleDigests(t, out)
	exampleLeaf(t, out)
	exampleTree(t, out, key)
	rev := exampleRevision(t, out)
	examplePlan(t, out)
	examplePack(t, out)
	exampleStatements(t, out, key, rev)
	exampleWebhook(out)
	exampleKeys(t, out)
	return out
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func same(t *testing.T, what, rooms, byHand string) {
	t.Helper()
	if rooms != byHand {
		t.Errorf("%s: the program has %s, by hand it is %s", what, rooms, byHand)
	}
}

func sha(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	return string(must[[]byte](t)(seal.Canonical(v)))
}

// counting gives n bytes that count up from the first.
func counting(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func sampleKey(t *testing.T, out map[string]string) *seal.Key {
	t.Helper()
	private := ed25519.NewKeyFromSeed(counting(0, 32))
	public := private.Public().(ed25519.PublicKey)
	file := filepath.Join(t.TempDir(), "permit.key")
	der := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(private))
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	key := must[*seal.Key](t)(seal.OpenKey(file, false))
	same(t, "key id", key.ID(), "sha256:"+sha(string(public)))
	vkey := must[string](t)(ledger.VerifierKey(sampleOrigin, public))
	sum := sha256.Sum256([]byte(sampleOrigin + "\n\x01" + string(public)))
	same(t, "verifier key", vkey, sampleOrigin+"+"+hex.EncodeToString(sum[:4])+"+"+base64.StdEncoding.EncodeToString(append([]byte{1}, public...)))
	pub := must[[]byte](t)(x509.MarshalPKIXPublicKey(public))
	out["public-key"] = hex.EncodeToString(public)
	out["key-id"], out["vkey"] = key.ID(), vkey
	out["public-pem"] = strings.TrimSuffix(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub})), "\n")
	return key
}

func exampleDigests(t *testing.T, out map[string]string) {
	t.Helper()
	out["raw-digest"] = seal.Raw([]byte(sampleFile))
	same(t, "raw digest", out["raw-digest"], "sha256:"+sha(sampleFile))
	out["domain-digest"] = seal.Digest("plumb.targets.v1", []byte(`["web-prod"]`))
	same(t, "digest with a domain", out["domain-digest"], "sha256:"+sha("plumb.targets.v1\n", `["web-prod"]`))
	g := change.Grant{Op: "grant", Role: "security-lead", Person: "per_sam"}
	out["grant"] = canonical(t, g)
	out["grant-digest"] = must[string](t)(g.Digest())
	same(t, "grant", out["grant-digest"], "sha256:"+sha("plumb.grant.v1\n", out["grant"]))
	out["approvals-digest"] = change.ApprovalsDigest([]string{"dec_erin", "dec_sam"})
	same(t, "approvals", out["approvals-digest"], "sha256:"+sha("plumb.approvals.v1\n", "dec_erin\ndec_sam"))
}

// exampleLeaf is the event of a comment, with the row that it answers for.
func exampleLeaf(t *testing.T, out map[string]string) {
	t.Helper()
	row := []db.Cell{{Column: "at", Value: "i1767384000000000"}, {Column: "body", Value: "sLooks right."}, {Column: "change_id", Value: "sCHG-000007"},
		{Column: "id", Value: "scmt_example"}, {Column: "person", Value: "sper_sam"}}
	form := "plumb.row.v1\nchange_comment\n"
	for _, c := range row {
		form += c.Column + "=" + c.Value[:1] + strconv.Itoa(len(c.Value)-1) + ":" + c.Value[1:] + "\n"
	}
	out["row-form"], out["row-digest"] = strings.TrimSuffix(form, "\n"), db.CellsDigest("change_comment", row)
	same(t, "row", out["row-digest"], sha(form))

	salt, detail := counting(0, 16), `{"text":"Looks right."}`
	fieldSalt := ledger.FieldSalt(salt, "text")
	m := hmac.New(sha256.New, salt)
	m.Write([]byte("plumb.salt.v1\ntext"))
	same(t, "salt of a field", hex.EncodeToString(fieldSalt), hex.EncodeToString(m.Sum(nil)))
	commitment := ledger.Commitment(fieldSalt, "text", []byte(`"Looks right."`))
	same(t, "commitment", commitment, sha("plumb.commit.v1\n", hex.EncodeToString(fieldSalt), "\ntext\n", `"Looks right."`))
	leaf := ledger.Leaf{V: 1, TS: sampleTime.UnixMicro(), Verb: "change.commented", Outcome: "ok", Request: "req_example", Source: "api",
		Actor:  ledger.LeafActor{Person: "per_sam", Account: "acc_sam", Kind: "human", Authn: "session", Via: "ses_example"},
		Object: ledger.LeafObject{Type: "change", ID: "CHG-000007"},
		Rows:   [][3]string{{"change_comment", "cmt_example", out["row-digest"]}}, Commit: map[string]string{"text": commitment}}
	if err := ledger.CheckDetail(leaf, salt, []byte(detail)); err != nil {
		t.Error(err)
	}
	out["detail"], out["detail-salt"] = detail, hex.EncodeToString(salt)
	out["field-salt"], out["commitment"] = hex.EncodeToString(fieldSalt), commitment
	out["leaf"] = canonical(t, leaf)
	hash := tlog.RecordHash([]byte(out["leaf"]))
	out["leaf-hash"] = hash.String()
	sum := sha256.Sum256(append([]byte{0}, out["leaf"]...))
	same(t, "leaf hash", hash.String(), base64.StdEncoding.EncodeToString(sum[:]))
}

// exampleTree is a tree of three short leaves.
func exampleTree(t *testing.T, out map[string]string, key *seal.Key) {
	t.Helper()
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var list []tlog.Hash
		for _, i := range indexes {
			list = append(list, hashes[i])
		}
		return list, nil
	})
	span := must[*ledger.Span](t)(ledger.NewSpan(0, nil))
	var tile, bundle []byte
	for n := range int64(3) {
		leaf := []byte("event " + strconv.FormatInt(n, 10))
		h := span.Add(leaf)
		tile, bundle = append(tile, h[:]...), append(binary.BigEndian.AppendUint16(bundle, uint16(len(leaf))), leaf...)
		hashes = append(hashes, must[[]tlog.Hash](t)(tlog.StoredHashes(n, leaf, reader))...)
	}
	root := span.Root()
	leafHash := func(n int) string { return sha("\x00", "event "+strconv.Itoa(n)) }
	raw := func(s string) string { return string(must[[]byte](t)(hex.DecodeString(s))) }
	byHand := sha("\x01", raw(sha("\x01", raw(leafHash(0)), raw(leafHash(1)))), raw(leafHash(2)))
	same(t, "root", hex.EncodeToString(root[:]), byHand)
	out["tree-root"] = root.String()
	inclusion := must[tlog.RecordProof](t)(tlog.ProveRecord(3, 1, reader))
	out["inclusion"] = list(inclusion)
	same(t, "inclusion", list(inclusion), based(raw(leafHash(0)))+"\n"+based(raw(leafHash(2))))
	out["consistency"] = list(must[tlog.TreeProof](t)(tlog.ProveTree(3, 2, reader)))
	out["tile"], out["bundle"] = hex.EncodeToString(tile), hex.EncodeToString(bundle)

	seed := base64.StdEncoding.EncodeToString(append([]byte{1}, key.Private().Seed()...))
	sum := sha256.Sum256([]byte(sampleOrigin + "\n\x01" + string(key.PublicBytes())))
	signer := must[note.Signer](t)(note.NewSigner("PRIVATE+KEY+" + sampleOrigin + "+" + hex.EncodeToString(sum[:4]) + "+" + seed))
	text := ledger.CheckpointText(sampleOrigin, 3, root)
	signed := string(must[[]byte](t)(note.Sign(&note.Note{Text: text}, signer)))
	sig := append(slices.Clone(sum[:4]), ed25519.Sign(key.Private(), []byte(text))...)
	same(t, "checkpoint", signed, text+"\n— "+sampleOrigin+" "+base64.StdEncoding.EncodeToString(sig)+"\n")
	if c, err := ledger.ReadCheckpoint([]byte(signed), out["vkey"]); err != nil || c.Size != 3 {
		t.Errorf("the sample checkpoint reads as %+v, %v", c, err)
	}
	out["checkpoint"] = strings.TrimSuffix(signed, "\n")
}

func based(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func list[L ~[]tlog.Hash](hashes L) string {
	var lines []string
	for _, h := range hashes {
		lines = append(lines, h.String())
	}
	return strings.Join(lines, "\n")
}

// sampleMaterial is the wording of the sample change.
func sampleMaterial() change.Material {
	d := seal.Raw([]byte(sampleFile))
	return change.Material{Type: "normal", Category: "configuration", Summary: "Three sessions at most", Justification: "The policy asks for it",
		Components: []string{"web"}, Targets: []string{"web-prod"},
		Bindings: []change.Binding{{Kind: "config-file", Name: "limits.conf", Digest: d, Document: d}},
		Rollback: change.Rollback{Text: "Install the old file."}, Window: change.Envelope{Until: sampleTime},
		Implementers: []change.Executor{{Person: "per_ivo"}}}
}

func exampleRevision(t *testing.T, out map[string]string) string {
	t.Helper()
	text, digest, err := sampleMaterial().Digest()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "revision", digest, "sha256:"+sha("plumb.rev.v1\n", string(text)))
	out["revision"], out["revision-digest"] = string(text), digest
	a, b := sampleMaterial(), sampleMaterial()
	a.Bindings[0] = change.Binding{Kind: "tf-plan", Name: "tfplan", Digest: seal.Raw([]byte("one")), Document: seal.Raw([]byte("1")), Base: "lineage/1", Normalized: digest}
	b.Bindings[0] = change.Binding{Kind: "tf-plan", Name: "tfplan", Digest: seal.Raw([]byte("two")), Document: seal.Raw([]byte("2")), Base: "lineage/2", Normalized: digest}
	if equal, err := change.SameRun(a, b); err != nil || !equal {
		t.Errorf("a plan made again with the same normalized digest is not the same run: %v", err)
	}
	b.Bindings[0].Base = "twin/2"
	if equal, err := change.SameRun(a, b); err != nil || equal {
		t.Errorf("the plan of a twin is the same run: %v", err)
	}
	b.Bindings[0].Base = "lineage/2"
	b.Summary += "."
	if equal, err := change.SameRun(a, b); err != nil || equal {
		t.Errorf("another summary is the same run: %v", err)
	}
	return digest
}

// samplePlan is the JSON of a plan that changes one resource with a secret in it.
const samplePlan = `{"format_version":"1.2","terraform_version":"1.12.6","complete":true,"applyable":true,"errored":false,` +
	`"resource_changes":[{"address":"terraform_data.app","mode":"managed","type":"terraform_data","name":"app",` +
	`"provider_name":"terraform.io/builtin/terraform","change":{"actions":["update"],` +
	`"before":{"input":{"minutes":30,"pin":"4711-0815"}},"after":{"input":{"minutes":15,"pin":"4711-0815"}},"after_unknown":{},` +
	`"before_sensitive":{"input":{"pin":true}},"after_sensitive":{"input":{"pin":true}}}}],` +
	`"output_changes":{"minutes":{"actions":["update"],"before":30,"after":15,"after_unknown":false,"before_sensitive":false,"after_sensitive":false}}}`

func examplePlan(t *testing.T, out map[string]string) {
	t.Helper()
	key := counting(32, 32)
	p := must[*plan.Plan](t)(plan.Read(strings.NewReader(samplePlan), plan.Options{Key: key}))
	out["plan-input"], out["plan-document"] = samplePlan, string(p.Document())

	m := hmac.New(sha256.New, key)
	for _, part := range []string{"plumb.plan.sensitive.v1", "terraform_data.app", "/input/pin", `"4711-0815"`} {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		m.Write([]byte(part))
	}
	out["plan-marker"] = "(sensitive:hmac:" + hex.EncodeToString(m.Sum(nil))[:16] + ")"
	if strings.Count(out["plan-document"], out["plan-marker"]) != 2 {
		t.Errorf("the plan's document holds other markers than %s", out["plan-marker"])
	}
	digest, reason := p.Normalized()
	if reason != "" {
		t.Fatal(reason)
	}
	_, rest, _ := strings.Cut(out["plan-document"], `"output_changes":[`)
	outputs, rest, _ := strings.Cut(rest, `],"resource_changes":[`)
	rows, _, _ := strings.Cut(rest, `],"resource_drift":`)
	lines := "r " + rows + "\no " + outputs + "\n"
	same(t, "normalized digest", digest, "sha256:"+sha("plumb.plan.v1\n", lines))
	out["plan-normal-r"], out["plan-normal-o"], out["plan-normalized"] = "r "+rows, "o "+outputs, digest
	if _, err := plan.ParseDocument(p.Document()); err != nil {
		t.Errorf("the sample document is refused: %v", err)
	}
}

// examplePack shows the list under a pack's digest for two of the nine files, and holds the whole
// against the shipped pack.
func examplePack(t *testing.T, out map[string]string) {
	t.Helper()
	type entry struct {
		Path   string `json:"path"`
		SHA256 string `json:"sha256"`
	}
	two := []entry{{"calendar.yaml", seal.Raw([]byte("windows: []\nfreezes: []\n"))}, {"pack.yaml", seal.Raw([]byte("format: plumb.pack/1\n"))}}
	out["pack-list"] = canonical(t, two)
	out["pack-digest"] = seal.Digest("plumb.pack.v1", []byte(out["pack-list"]))
	same(t, "pack of two", out["pack-digest"], "sha256:"+sha("plumb.pack.v1\n", out["pack-list"]))

	files, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	p := must[*policy.Pack](t)(policy.Load(files))
	var whole []entry
	for _, f := range p.Files() {
		whole = append(whole, entry{f.Path, "sha256:" + sha(f.Text)})
	}
	same(t, "shipped pack", p.Digest(), "sha256:"+sha("plumb.pack.v1\n", canonical(t, whole)))
}

// pae is the text that a DSSE signature is over.
func pae(payload string) string {
	return fmt.Sprintf("DSSEv1 %d %s %d %s", len(seal.PayloadType), seal.PayloadType, len(payload), payload)
}

// signedExample signs a statement and checks the envelope by hand.
func signedExample[P any](t *testing.T, out map[string]string, name string, key *seal.Key, s seal.Statement[P]) *seal.Envelope {
	t.Helper()
	env := must[*seal.Envelope](t)(seal.Sign(key, s))
	payload := string(must[[]byte](t)(base64.StdEncoding.DecodeString(env.Payload)))
	sig := base64.StdEncoding.EncodeToString(ed25519.Sign(key.Private(), []byte(pae(payload))))
	same(t, name+" signature", env.Signatures[0].Sig, sig)
	out[name+"-payload"], out[name+"-signature"] = payload, sig
	return env
}

func exampleStatements(t *testing.T, out map[string]string, key *seal.Key, rev string) {
	t.Helper()
	m, at := sampleMaterial(), sampleTime.Add(-time.Hour).UnixMicro()
	hexOf := func(d string) map[string]string { return map[string]string{"sha256": strings.TrimPrefix(d, "sha256:")} }
	subjects := []seal.Subject{{Name: "CHG-000007", Digest: hexOf(rev)}, {Name: "config-file:limits.conf", Digest: hexOf(m.Bindings[0].Digest)}}
	signedExample(t, out, "approval", key, seal.Statement[change.ApprovalPredicate]{PredicateType: change.ApprovalType, Subject: subjects,
		Predicate: change.ApprovalPredicate{Install: sampleInstall, ID: "dec_sam", Change: "CHG-000007", Rev: rev, Policy: out["pack-digest"],
			Decision: "approve", Roles: []string{"security-lead"}, Person: "per_sam", Account: "acc_sam", Authn: "session", At: at,
			Expires: at + (72 * time.Hour).Microseconds()}})
	out["pae"] = pae(out["approval-payload"])[:60] + "…"

	opened := sampleTime.Add(-10 * time.Minute).UnixMicro()
	env := signedExample(t, out, "permit", key, seal.Statement[change.PermitPredicate]{PredicateType: change.PermitType, Subject: subjects,
		Predicate: change.PermitPredicate{V: 1, Install: sampleInstall, ID: "prm_example", Change: "CHG-000007", Rev: rev,
			Approvals: out["approvals-digest"], Policy: out["pack-digest"], Bindings: m.Bindings, Targets: out["domain-digest"], Env: "prod",
			Executor: "acc_ivo", Kind: "apply", Attempt: 1, Fence: 12, NotBefore: opened, Expires: opened + change.PermitLife.Microseconds(),
			Nonce: "n_example"}})
	text := must[[]byte](t)(json.Marshal(env))
	if _, err := prove.VerifyPermit(text, seal.PublicKey(key.PublicBytes())); err != nil {
		t.Errorf("the sample permit does not verify: %v", err)
	}
	targets := must[string](t)(change.TargetsDigest(m))
	same(t, "targets", targets, out["domain-digest"])
}

// exampleWebhook signs a short message as the Standard Webhooks specification says.
func exampleWebhook(out map[string]string) {
	key := counting(64, 32)
	id, at, body := sampleInstall+".12", strconv.FormatInt(sampleTime.Unix(), 10), `{"specversion":"1.0"}`
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + at + "." + body))
	out["webhook-secret"] = "whsec_" + base64.StdEncoding.EncodeToString(key)
	out["webhook-request"] = "webhook-id: " + id + "\nwebhook-timestamp: " + at + "\nwebhook-signature: v1," +
		base64.StdEncoding.EncodeToString(m.Sum(nil)) + "\n\n" + body
}

// storedPack is a pack that was written once by plumb demo. It must verify for ever: a later program that
// refuses it has broken what was promised to whoever keeps such files.
const storedPack = root + "/docs/formats/example.pack"

func storedReport(t *testing.T, b []byte, opt prove.Options) *prove.Report {
	t.Helper()
	return must[*prove.Report](t)(prove.Verify(t.Context(), bytes.NewReader(b), int64(len(b)), opt))
}

func exampleKeys(t *testing.T, out map[string]string) {
	t.Helper()
	r := storedReport(t, must[[]byte](t)(os.ReadFile(storedPack)), prove.Options{})
	out["stored-ledger-key"], out["stored-permit-key"] = r.Ledger, r.Permits
}

func TestTheExamplePackStillVerifies(t *testing.T) {
	t.Parallel()
	b := must[[]byte](t)(os.ReadFile(storedPack))
	out := map[string]string{}
	exampleKeys(t, out)
	r := storedReport(t, b, prove.Options{Ledger: out["stored-ledger-key"]})
	if !r.Whole() || r.Counts.Changes != 1 || r.Decisions < 4 || r.Permitted != 2 || len(r.Proved) < 10 {
		t.Errorf("the example pack: %d changes, %d decisions, %d permits, %d sentences, faults %+v", r.Counts.Changes, r.Decisions, r.Permitted, len(r.Proved), r.Faults)
	}
	for _, at := range []int{0, 600, len(b) / 3, len(b) / 2, len(b) - 1} {
		changed := slices.Clone(b)
		changed[at] ^= 1
		if storedReport(t, changed, prove.Options{}).Whole() {
			t.Errorf("the example pack is whole with byte %d changed", at)
		}
	}
}
