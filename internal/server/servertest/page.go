package servertest

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Browser asks for pages as a browser without scripts does: with the session's cookie, and with forms as
// they stand in the page.
type Browser struct {
	URL string

	t    testing.TB
	http *http.Client
}

// Page is one answer.
type Page struct {
	Status int
	Header http.Header
	Body   string

	t   testing.TB
	doc *html.Node
}

// Upload is one file of a form.
type Upload struct {
	Field, Name string
	Body        []byte
}

// Browse gives a browser of somebody who is signed in by the form; "" is a stranger's.
func (s *Server) Browse(name string) *Browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b := &Browser{URL: s.URL, t: s.t, http: &http.Client{Jar: jar, Timeout: plain.Timeout, Transport: plain.Transport, CheckRedirect: plain.CheckRedirect}}
	if name == "" {
		return b
	}
	s.As(name) // redeems the one-time code
	if p := b.Post("/login", url.Values{"username": {name}, "password": {Password}}); p.Status != http.StatusSeeOther {
		s.t.Fatalf("sign in as %s: %d %s", name, p.Status, p.Text())
	}
	return b
}

// In gives the same browser, session and all, to another test: of a server that several tests share.
func (b *Browser) In(t testing.TB) *Browser {
	out := *b
	out.t = t
	return &out
}

// Cookies are what the browser sends to the server.
func (b *Browser) Cookies() []*http.Cookie {
	b.t.Helper()
	u, err := url.Parse(b.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.http.Jar.Cookies(u)
}

// Get asks for a page.
func (b *Browser) Get(path string, headers ...string) Page {
	b.t.Helper()
	return b.ask("GET", path, nil, headers...)
}

// Post sends a form.
func (b *Browser) Post(path string, form url.Values, headers ...string) Page {
	b.t.Helper()
	return b.ask("POST", path, strings.NewReader(form.Encode()), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

// Send sends a form with files, the fields sorted by name before them.
func (b *Browser) Send(path string, form url.Values, files ...Upload) Page {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	names := []string{}
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range form[name] {
			if err := w.WriteField(name, v); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	for _, f := range files {
		part, err := w.CreateFormFile(f.Field, f.Name)
		if err == nil {
			_, err = part.Write(f.Body)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.ask("POST", path, &body, "Content-Type", w.FormDataContentType())
}

// Follow goes where the answer sends the browser.
func (b *Browser) Follow(p Page) Page {
	b.t.Helper()
	to := p.Header.Get("Location")
	if p.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/") {
		b.t.Fatalf("%d to %q, want a redirect to a page of ours: %s", p.Status, to, p.Text())
	}
	return b.Get(to)
}

func (b *Browser) ask(method, path string, body io.Reader, headers ...string) Page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, b.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	doc, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		b.t.Fatalf("%s %s is no HTML: %v", method, path, err)
	}
	return Page{Status: res.StatusCode, Header: res.Header, Body: string(text), t: b.t, doc: doc}
}

// Text is what a reader sees of the page, in one line.
func (p Page) Text() string {
	var out strings.Builder
	for n := range p.doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			out.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// Wants fails unless the page has this status and shows all of these texts.
func (p Page) Wants(status int, texts ...string) Page {
	p.t.Helper()
	if p.Status != status {
		p.t.Fatalf("status %d, want %d: %.1500s", p.Status, status, p.Text())
	}
	for _, s := range texts {
		if !strings.Contains(p.Text(), s) {
			p.t.Errorf("the page does not say %q: %.3000s", s, p.Text())
		}
	}
	return p
}

// Form gives the fields of the form with this action as a browser would send them: no files, no buttons.
func (p Page) Form(action string) url.Values {
	p.t.Helper()
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && Attr(n, "action") == action {
			return fields(n)
		}
	}
	p.t.Fatalf("there is no form for %s: %.1500s", action, p.Text())
	return nil
}

// All lists the elements of the page with this name.
func (p Page) All(element string) []*html.Node {
	var out []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == element {
			out = append(out, n)
		}
	}
	return out
}

// Attr is an attribute of an element.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func fields(form *html.Node) url.Values {
	out := url.Values{}
	for n := range form.Descendants() {
		name := Attr(n, "name")
		if n.Type != html.ElementNode || name == "" || has(n, "disabled") {
			continue
		}
		switch n.Data {
		case "input":
			kind := Attr(n, "type")
			if slices.Contains([]string{"file", "submit", "button"}, kind) || (kind == "checkbox" || kind == "radio") && !has(n, "checked") {
				continue
			}
			out.Add(name, Attr(n, "value"))
		case "textarea":
			text := ""
			if n.FirstChild != nil {
				text = n.FirstChild.Data
			}
			out.Add(name, text)
		case "select":
			out.Add(name, chosen(n))
		}
	}
	return out
}

// chosen is the value of a select: the selected option, else the first.
func chosen(list *html.Node) string {
	value, first := "", true
	for n := range list.Descendants() {
		if n.Type == html.ElementNode && n.Data == "option" && (first || has(n, "selected")) {
			value, first = Attr(n, "value"), false
		}
	}
	return value
}
