package entrance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"plumbline.dev/plumb/internal/server/servertest"
)

const password = "copper lantern meadow 42"

// typeIn fills one row of the form in.
func typeIn(f url.Values, row int, name string, roles ...string) {
	at := func(field string) string { return fmt.Sprintf("p%d-%s", row, field) }
	f.Set(at("name"), strings.ToUpper(name[:1])+name[1:])
	f.Set(at("email"), name+"@example.com")
	f.Set(at("username"), name)
	f.Del(at("roles"))
	f.Del(at("officer"))
	for _, r := range roles {
		if r == "officer" {
			f.Set(at("officer"), "yes")
			continue
		}
		f.Add(at("roles"), r)
	}
}

// press sends a form with one of its buttons.
func press(b *servertest.Browser, f url.Values, button string) servertest.Page {
	f = cloned(f)
	f.Set("do", button)
	return b.Post("/setup", f)
}

func cloned(f url.Values) url.Values {
	out := url.Values{}
	for name, list := range f {
		out[name] = slices.Clone(list)
	}
	return out
}

func TestACompanyIsSetUpByPagesAlone(t *testing.T) {
	t.Parallel()
	s := servertest.Empty(t)
	b := s.Browse("")
	if p := b.Get("/"); p.Status != http.StatusSeeOther {
		t.Fatalf("an empty server answers %d", p.Status)
	}
	if p := b.Get("/login"); p.Header.Get("Location") != "/setup" {
		t.Fatalf("an empty server lets somebody sign in: %d", p.Status)
	}
	f := b.Get("/setup").Wants(http.StatusOK, "Set up Plumbline", "Who fills what", "nobody yet").Form("/setup")
	if f.Get("prefix") != "CHG" || f.Get("zone") != "UTC" || len(f["row"]) != 5 {
		t.Fatalf("the form begins with %v", f)
	}
	f.Set("company", "Example Ltd")
	f.Set("prefix", "PROD")
	f.Set("zone", "Europe/Vienna")
	typeIn(f, 0, "olga", "officer", "admin")
	typeIn(f, 1, "otto", "officer")
	typeIn(f, 2, "sam", "security-lead")
	typeIn(f, 3, "erin", "engineering-lead")
	p := press(b, f, "check").Wants(http.StatusOK, "Still missing", "Olga, Otto", "1 more needed", "with the role devops-lead")
	f = p.Form("/setup")
	if f.Get("company") != "Example Ltd" || f.Get("p3-username") != "erin" || f.Get("p0-roles") != "admin" || f.Get("p1-officer") != "yes" {
		t.Fatalf("what was typed is gone: %v", f)
	}
	f = press(b, f, "add").Wants(http.StatusOK).Form("/setup")
	f = press(b, f, "remove 4").Wants(http.StatusOK).Form("/setup")
	if fmt.Sprint(f["row"]) != "[0 1 2 3 5]" {
		t.Fatalf("rows = %v", f["row"])
	}
	typeIn(f, 5, "dora", "devops-lead", "it-manager", "implementer")
	f.Set("p0-password", password)
	f.Set("code", "WRONG-WRONG")
	p = press(b, f, "begin").Wants(http.StatusUnauthorized, "not the setup code", "Every rule of the policy can be satisfied")
	if strings.Contains(p.Body, password) || strings.Contains(p.Body, "WRONG-WRONG") {
		t.Error("a secret came back in the form")
	}
	f.Set("code", s.SetupCode())
	p = press(b, f, "begin").Wants(http.StatusOK, "Example Ltd is set up", "5 people are in", "shown this once", "/login?code=yes&user=sam")
	codes := map[string]string{}
	lines := p.All("pre")
	for i := 0; i+1 < len(lines); i += 2 {
		_, user, _ := strings.Cut(lines[i+1].FirstChild.Data, "user=")
		codes[user] = lines[i].FirstChild.Data
	}
	if len(codes) != 4 || codes["olga"] != "" {
		t.Errorf("codes = %v, want one for each without a password", codes)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "setup-code")); err == nil {
		t.Error("the used setup code still lies in the data folder")
	}
	if p := b.Get("/setup"); p.Header.Get("Location") != "/login" {
		t.Errorf("the set-up is still offered: %d", p.Status)
	}
	if p := press(b, f, "begin"); p.Status != http.StatusConflict || strings.Contains(p.Body, codes["sam"]) {
		t.Errorf("the set-up ran twice: %d", p.Status)
	}
	b.Follow(b.Post("/login", url.Values{"username": {"olga"}, "password": {password}})).Wants(http.StatusOK)
	sam := s.Browse("")
	sam.Follow(sam.Post("/login", url.Values{"choose": {"yes"}, "username": {"sam"}, "password": {codes["sam"]}, "new": {password}, "again": {password}})).Wants(http.StatusOK)
	sam.Get("/admin/settings").Wants(http.StatusOK, "Example Ltd", "PROD", "Europe/Vienna")
	sam.Get("/admin/roles").Wants(http.StatusOK, "Dora", "satisfiable")
}

// unfolded lists the people of whom the form shows the fields, by the number of the row.
func unfolded(p servertest.Page) (out []string) {
	for _, n := range p.All("details") {
		if !strings.Contains(servertest.Attr(n, "class"), "person-row") || !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "open" }) {
			continue
		}
		for x := range n.Descendants() {
			if x.Data == "input" && servertest.Attr(x, "name") == "row" {
				out = append(out, servertest.Attr(x, "value"))
			}
		}
	}
	return out
}

// The form shows the fields of whoever is to be typed in now; the others are a line each. It is filled in on a phone, too.
func TestTheFormOfTheSetUpUnfoldsWhoComesNext(t *testing.T) {
	t.Parallel()
	s := servertest.Empty(t)
	b := s.Browse("")
	says := func(p servertest.Page, want ...string) servertest.Page {
		t.Helper()
		if got := unfolded(p); !slices.Equal(got, want) {
			t.Errorf("unfolded are %v, want %v", got, want)
		}
		return p
	}
	f := says(b.Get("/setup").Wants(http.StatusOK, "person 3 no role yet"), "0").Form("/setup")
	f.Set("company", "Example Ltd")
	typeIn(f, 0, "olga", "officer", "admin")
	f = says(press(b, f, "check").Wants(http.StatusOK, "Olga Security Officer, Administrator"), "1").Form("/setup")
	f = says(press(b, f, "add"), "1", "5").Form("/setup")
	for i, name := range []string{"otto", "sam", "erin", "ivan", "dora"} {
		typeIn(f, i+1, name, []string{"officer", "security-lead", "engineering-lead", "it-manager", "devops-lead"}[i])
	}
	f.Set("p3-email", "no address")
	f.Set("code", s.SetupCode())
	says(press(b, f, "begin").Wants(http.StatusBadRequest), "3")
}

func TestWhatIsWrongStandsAtItsField(t *testing.T) {
	t.Parallel()
	s := servertest.Empty(t)
	b := s.Browse("")
	f := b.Get("/setup").Form("/setup")
	f.Set("code", s.SetupCode())
	f.Set("prefix", "c1")
	f.Set("zone", "Mars/Olympus")
	typeIn(f, 0, "olga", "officer")
	typeIn(f, 1, "otto", "officer", "auditor")
	typeIn(f, 3, "sam", "security-lead")
	f.Set("p3-email", "nowhere")
	f.Set("p3-username", "olga")
	f.Set("p0-password", "short")
	p := press(b, f, "begin").Wants(http.StatusBadRequest, "The set-up cannot begin like that.", "Is missing.", "Is two to eight capital letters.",
		"Is not an IANA time zone.", "Is not a mail address.", "Reads the same as another one.", "Would both audit and approve.")
	for _, n := range p.All("input") {
		if servertest.Attr(n, "name") == "p3-email" && servertest.Attr(n, "aria-invalid") != "true" {
			t.Error("what is wrong with the mail address does not stand at its field")
		}
	}
	none := b.Get("/setup").Form("/setup")
	none.Set("code", s.SetupCode())
	none.Set("company", "Example Ltd")
	press(b, none, "begin").Wants(http.StatusBadRequest, "are at least three", "are exactly two")
	three := cloned(none)
	typeIn(three, 0, "olga", "officer")
	typeIn(three, 1, "otto", "officer")
	typeIn(three, 2, "sam", "security-lead")
	p = press(b, three, "begin")
	if p.Status != http.StatusBadRequest || !strings.Contains(p.Text(), "Still missing") {
		t.Errorf("people who cannot fill the rules were taken: %d %.500s", p.Status, p.Text())
	}
	if p := b.Get("/login"); p.Header.Get("Location") != "/setup" {
		t.Error("a refused set-up left something behind")
	}
}

func TestTheSetUpFormTakesNoMoreRowsThanItShould(t *testing.T) {
	t.Parallel()
	s := servertest.Empty(t)
	b := s.Browse("")
	f := b.Get("/setup").Form("/setup")
	for i := range 200 {
		f.Add("row", fmt.Sprint(100+i))
	}
	f.Add("row", "-1")
	f.Add("row", "x")
	if n := len(press(b, f, "add").Wants(http.StatusOK).Form("/setup")["row"]); n != 60 {
		t.Errorf("the form has %d rows", n)
	}
	f.Set("pack", "../secret")
	press(b, f, "check").Wants(http.StatusBadRequest, "no policy pack of that name")
}
