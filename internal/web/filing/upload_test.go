package filing_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/policies"
)

// shownPlan is what terraform show -json printed of a plan with secrets in it, each of which holds the word
// canary.
func shownPlan(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../plan/testdata/create.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("canary")) {
		t.Fatal("the plan holds no secret to look for")
	}
	return b
}

// harmless is a plan without any secret, which a plan made again can equal.
const harmless = `{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[{"address":"terraform_data.a","mode":"managed","type":"terraform_data","name":"a","provider_name":"terraform.io/builtin/terraform","change":{"actions":["create"],"before":null,"after":{"input":"x"},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}}}],"configuration":{"root_module":{}},"complete":true,"applyable":true,"errored":false}`

// A pasted plan is redacted before anything of it is kept, and no secret of it comes back.
func TestAPastedPlanIsRedacted(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	text := strings.TrimSpace(string(shownPlan(t)))
	f := b.Get("/changes/new").Form("/changes/new")
	f.Set("paste", text)
	f.Set("do", "begin")
	p := b.Post("/changes/new", f).Wants(http.StatusOK, "Found in what you pasted: a plan.", "Software deployment", "Creates")
	if strings.Contains(p.Body, "canary") {
		t.Error("the page holds a secret of the plan")
	}
	f = common(p.Form("/changes/new"), "web-test")
	f.Set("do", "file")
	v := filed(t, s, b.Send("/changes/new", f))
	m := v.Material.Bindings[0]
	if len(v.Material.Bindings) != 1 || m.Kind != "tf-plan" || m.Digest != seal.Raw([]byte(text)) || m.Plan.Create == 0 || !change.IsDigest(m.Document) {
		t.Fatalf("binding = %+v", m)
	}
	document := s.As(servertest.Alice).Want(http.StatusOK, "GET", "/documents/"+m.Document, nil)
	if bytes.Contains(document.Body, []byte("canary")) || len(document.Body) == 0 {
		t.Error("the document holds a secret of the plan")
	}
}

// An uploaded plan is bound by the digest of its bytes and by what it means; the saved plan beside it gives
// the digest that the gate will ask for, and is not kept.
func TestAnUploadedPlanIsBoundTwice(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	saved := []byte("PK\x03\x04\x14\x00\x08\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00tfplan canary")
	f := common(b.Get("/changes/new?category=configuration").Form("/changes/new"), "web-test")
	f.Set("do", "preview")
	p := b.Send("/changes/new", f, servertest.Upload{Field: "up", Name: "plan.json", Body: []byte(harmless)}).Wants(http.StatusOK, "Creates 1, updates 0")
	f = p.Form("/changes/new")
	if f.Get("b.0.digest") != seal.Raw([]byte(harmless)) {
		t.Errorf("digest = %s", f.Get("b.0.digest"))
	}
	f.Set("do", "submit")
	v := filed(t, s, b.Send("/changes/new", f, servertest.Upload{Field: "up", Name: "tfplan", Body: saved}))
	m := v.Material.Bindings[0]
	if len(v.Material.Bindings) != 1 || m.Digest != seal.Raw(saved) || m.Normalized == "" || m.Document == "" || !m.Complete {
		t.Errorf("bindings = %+v", v.Material.Bindings)
	}
	s.As(servertest.Alice).Want(http.StatusBadRequest, "GET", "/documents/"+seal.Raw(saved), nil)
}

// Files become things that are run, attachments and a way back; what looks like a secret is not kept.
func TestFilesGoWhereTheyBelong(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	secret := "password = \"AKIAIOSFODNN7EXAMPLEKEY/wJalrXUtnFEMI/K7MDENG\"\n"
	f := common(b.Get("/changes/new?category=configuration").Form("/changes/new"), "web-test")
	f.Set("up.kind", "")
	f.Set("do", "file")
	v := filed(t, s, b.Send("/changes/new", f,
		servertest.Upload{Field: "up", Name: "web.yaml", Body: []byte(servertest.File)},
		servertest.Upload{Field: "up", Name: "secret.conf", Body: []byte(secret)},
		servertest.Upload{Field: "rb.file", Name: "back.sh", Body: []byte("echo back\n")},
		servertest.Upload{Field: "attach", Name: "screen.png", Body: []byte("\x89PNG not really")}))
	m := v.Material
	if len(m.Bindings) != 2 || m.Bindings[0].Kind != "config-file" || m.Bindings[0].Digest != seal.Raw([]byte(servertest.File)) || m.Bindings[0].Document == "" {
		t.Errorf("bindings = %+v", m.Bindings)
	}
	if m.Bindings[1].Document != "" || m.Bindings[1].Digest != seal.Raw([]byte(secret)) {
		t.Errorf("the file with a secret = %+v, want its digest alone", m.Bindings[1])
	}
	if m.Rollback.Binding == nil || m.Rollback.Binding.Digest != seal.Raw([]byte("echo back\n")) || m.Rollback.Binding.Kind == "" {
		t.Errorf("way back = %+v", m.Rollback.Binding)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "screen.png" || m.Attachments[0].Size != 15 {
		t.Errorf("attachments = %+v", m.Attachments)
	}
	path := "/changes/" + string(v.Change.ID) + "/edit"
	f = b.Get(path).Wants(http.StatusOK, "screen.png").Form(path)
	if f.Get("rb.name") != "back.sh" {
		t.Errorf("the way back is %q", f.Get("rb.name"))
	}
	f.Set("a.0.del", "1")
	f.Set("b.1.del", "1")
	f.Set("do", "save")
	v = filed(t, s, b.Send(path, f))
	if len(v.Material.Attachments) != 0 || len(v.Material.Bindings) != 1 || v.Material.Rollback.Binding == nil {
		t.Errorf("after removing: %+v", v.Material)
	}
}

func TestAPackIsBoundByItsArchive(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Olga).In(t)
	files, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	pack, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := pack.Archive()
	if err != nil {
		t.Fatal(err)
	}
	f := common(b.Get("/changes/new?category=configuration").Form("/changes/new"), "change-control")
	f.Set("component", "change-control")
	f.Set("up.kind", "policy-pack")
	f.Set("do", "preview")
	b.Send("/changes/new", f, servertest.Upload{Field: "up", Name: "pack.json", Body: []byte(`{"files":[]}`)}).Wants(http.StatusBadRequest, "The pack needs the file")
	p := b.Send("/changes/new", f, servertest.Upload{Field: "up", Name: "pack.json", Body: archive}).Wants(http.StatusOK, "high risk", "Security Officer", pack.Name)
	f = p.Form("/changes/new")
	f.Set("do", "file")
	if v := filed(t, s, b.Send("/changes/new", f)); v.Material.Bindings[0].Digest != pack.Digest() || v.Material.Bindings[0].Document == "" {
		t.Errorf("binding = %+v", v.Material.Bindings[0])
	}
	q := url.Values{"category": {"configuration"}, "b.0.kind": {"standard-model"}, "b.0.name": {"toggle-in-app"}, "target": {"change-control"}, "component": {"change-control"}}
	b.Get("/changes/new?"+q.Encode()).Wants(http.StatusOK, "Security Officer", "high risk")
}

// Whatever is sent badly is refused in words, nothing is filed, and what was typed is there again.
func TestBadUploadsAreRefused(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := common(b.Get("/changes/new?category=configuration").Form("/changes/new"), "web-test")
	f.Set("summary", "Must come back")
	f.Set("zz.last", "typed")
	f.Set("do", "file")
	hostile := strings.Repeat("x", 301)
	huge := make([]byte, change.MaxDocument+1)
	for name, c := range map[string]struct {
		file   servertest.Upload
		kind   string
		status int
		says   string
	}{
		"too large":          {servertest.Upload{Field: "attach", Name: "huge.bin", Body: huge}, "", http.StatusRequestEntityTooLarge, "at most 100 MiB"},
		"empty":              {servertest.Upload{Field: "up", Name: "empty"}, "", http.StatusBadRequest, "is empty"},
		"no plan":            {servertest.Upload{Field: "up", Name: "plan.json", Body: []byte("{}")}, "tf-plan", http.StatusBadRequest, ""},
		"another format":     {servertest.Upload{Field: "up", Name: "plan.json", Body: []byte(`{"format_version":"9.0","terraform_version":"x"}`)}, "", http.StatusBadRequest, ""},
		"plan as attachment": {servertest.Upload{Field: "attach", Name: "plan.json", Body: shownPlan(t)}, "", http.StatusBadRequest, "A plan is no attachment"},
		"image as a file":    {servertest.Upload{Field: "up", Name: "image.tar", Body: []byte("x")}, "oci-image", http.StatusBadRequest, "not bound by a file"},
		"long name":          {servertest.Upload{Field: "attach", Name: hostile, Body: []byte("x")}, "", http.StatusBadRequest, "name of a file"},
		"turned name":        {servertest.Upload{Field: "attach", Name: "fdp.\u202eexe", Body: []byte("x")}, "", http.StatusBadRequest, "direction-changing"},
		"forged document":    {servertest.Upload{Field: "up", Name: "d.json", Body: []byte(`{"applyable":true}`)}, "", http.StatusBadRequest, ""},
	} {
		form := url.Values{}
		for k, v := range f {
			form[k] = v
		}
		form.Set("up.kind", c.kind)
		p := b.Send("/changes/new", form, c.file)
		if p.Status != c.status || !strings.Contains(p.Text(), c.says) {
			t.Errorf("%s: %d, want %d and %q: %.600s", name, p.Status, c.status, c.says, p.Text())
			continue
		}
		if p.Form("/changes/new").Get("summary") != "Must come back" {
			t.Errorf("%s: what was typed is lost", name)
		}
	}
	var list struct {
		Items []change.Change `json:"items"`
	}
	s.As(servertest.Alice).Want(http.StatusOK, "GET", "/changes?limit=200", nil).Into(&list)
	for _, c := range list.Items {
		if c.Summary == "Must come back" {
			t.Error("a refused form was filed")
		}
	}
}

func TestBadFormsAreRefused(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	b.Post("/changes/new", url.Values{"category": {"deploy"}, "summary": {"a\x00b"}}).Wants(http.StatusBadRequest, "bytes that are no text")
	b.Post("/changes/new", url.Values{"category": {"deploy"}, "summary": {"a\xff"}}).Wants(http.StatusBadRequest, "bytes that are no text")
	b.Post("/changes/new", url.Values{"category": {"deploy"}, "paste": {strings.Repeat("x", 9<<20)}}).Wants(http.StatusRequestEntityTooLarge, "8 MiB")
	b.Post("/changes/new", url.Values{"category": {"none"}, "do": {"file"}}).Wants(http.StatusNotFound, "no such category")
	b.Post("/changes/new", url.Values{"category": {"deploy"}, "change": {"nonsense"}}).Wants(http.StatusBadRequest)
	b.Post("/changes/new", url.Values{"paste": {"nothing of it"}, "do": {"begin"}}).Wants(http.StatusBadRequest, "Nothing in the pasted text was recognised", "nothing of it")
	b.Post("/changes/new", url.Values{"paste": {`{"format_version":"1.2","secret":"canary"}`}, "do": {"begin"}}).Wants(http.StatusBadRequest)
	many := url.Values{"category": {"deploy"}}
	for i := range 6000 {
		many.Add("component", strings.Repeat("c", i%9+1))
	}
	b.Post("/changes/new", many).Wants(http.StatusRequestEntityTooLarge, "more fields")
	foreign := b.Post("/changes/new", url.Values{"category": {"deploy"}, "do": {"file"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	foreign.Wants(http.StatusBadRequest, "another site")
}

// Hostile texts are shown as texts.
func TestHostileTextsAreShownAsTexts(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	f := url.Values{"category": {"deploy"}, "do": {"preview"}}
	for _, name := range []string{"summary", "justification", "component", "target", "d.links", "d.branch", "rb.text", "x.0.who", "b.0.name", "b.0.digest", "b.0.note", "b.0.renew",
		"b.0.document", "a.0.name", "a.0.digest", "g.0.who", "e.0.target", "emergency", "draft", "seen", "model", "from", "up.repo", "data_flags"} {
		f.Set(name, evil)
	}
	for _, p := range []servertest.Page{b.Send("/changes/new", f), b.Post("/changes/new/preview", f, "HX-Request", "true")} {
		for _, n := range append(p.All("script"), p.All("img")...) {
			if servertest.Attr(n, "src") == "x" || servertest.Attr(n, "src") == "" {
				t.Error("a text of the form became an element")
			}
		}
	}
}

func TestEvidenceIsBroughtThroughItsForm(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	c := s.Filed()
	path := "/changes/" + string(c.ID) + "/evidence"
	p := b.Get(path).Wants(http.StatusOK, "What was tested", "web.yaml", "Nothing yet")
	f := p.Form(path)
	if f.Get("subject") != seal.Raw([]byte(servertest.File)) {
		t.Errorf("subject = %q", f.Get("subject"))
	}
	b.Send(path, f).Wants(http.StatusBadRequest, "No file was chosen")
	b.Send(path, f, servertest.Upload{Field: "file", Name: "x.bin", Body: []byte("what is this")}).Wants(http.StatusBadRequest, "cannot be told")
	f.Set("kind", "pull-request")
	b.Send(path, f, servertest.Upload{Field: "file", Name: "pr.txt", Body: []byte("approved")}).Wants(http.StatusForbidden, "only when Security")
	f.Set("kind", "")
	p = b.Send(path, f, servertest.Upload{Field: "file", Name: "junit.xml", Body: servertest.JUnit()}, servertest.Upload{Field: "file", Name: "x.bin", Body: []byte("what is this")})
	p.Wants(http.StatusBadRequest, "Taken all the same", "junit.xml: tests, passed", "cannot be told")
	f.Set("format", "attached")
	b.Follow(b.Send(path, f, servertest.Upload{Field: "file", Name: "notes.txt", Body: []byte("we looked")})).Wants(http.StatusOK, "notes.txt: attached, passed")
	if v := s.Shown(c.ID); len(v.Checks) != 2 {
		t.Errorf("checks = %+v", v.Checks)
	}
	f.Set("subject", seal.Raw([]byte("another")))
	b.Send(path, f, servertest.Upload{Field: "file", Name: "notes.txt", Body: []byte("we looked")}).Wants(http.StatusBadRequest, "something that this change does not run")
	b.Get("/changes/CHG-999999/evidence").Wants(http.StatusNotFound)
}

// A pull request and a build fill the form in, and an image with its digest is bound.
func TestWhatIsPastedFillsTheForm(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := b.Get("/changes/new?category=deploy").Form("/changes/new")
	f.Set("d.branch", "typed before")
	f.Set("do", "fill")
	f.Set("paste", "https://github.com/acme/web/pull/12 https://github.com/acme/web/actions/runs/88\r\nregistry.example.com/web@"+digest+" and "+sha)
	p := b.Send("/changes/new", f).Wants(http.StatusOK, "Found in what you pasted: a pull request, a build, an image, a commit. 1 other words were passed over.", "git cat-file commit")
	got := p.Form("/changes/new")
	for name, want := range map[string]string{"paste": "", "d.branch": "typed before", "d.build_id": "88", "b.0.kind": "oci-image", "b.0.name": "registry.example.com/web",
		"b.0.digest": digest, "b.0.repo": "acme/web", "b.1.kind": "git-commit", "b.1.commit": sha, "d.links": "https://github.com/acme/web/pull/12\nhttps://github.com/acme/web/actions/runs/88"} {
		if got.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got.Get(name), want)
		}
	}
	got.Set("do", "row.x")
	if n := len(b.Send("/changes/new", got).Wants(http.StatusOK).Form("/changes/new")); n <= len(got) {
		t.Error("no rows were added")
	}
}
