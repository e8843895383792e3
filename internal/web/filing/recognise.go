package filing

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Found is what a pasted text says about a change. Nothing of it is looked up: it is what the text itself
// holds, to be read and bettered by who pasted it.
type Found struct {
	What    []string // what was recognised, in words
	Unknown int      // words that were not
	Repo    string
	Branch  string
	Commit  string // 40 hex digits
	Job     string
	Build   string
	Links   []string
	Images  []Image
	Digest  string // of a saved plan file
	Plan    string // JSON of a plan
}

// Image is a container image by digest.
type Image struct{ Name, Digest string }

// Limits of a pasted text that is no plan.
const (
	maxPaste = 64 << 10
	maxWords = 200
	maxPart  = 200 // bytes of one name in it
)

// Recognise reads a pasted text: a plan as JSON, addresses of pull requests, merge requests, builds,
// commits and branches of the usual forges, commit ids, images by digest, and what `plumb plan digest`
// prints. ok is false when it is none of them.
func Recognise(text string) (f Found, ok bool) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if strings.HasPrefix(text, "{") {
		return Found{What: []string{"a plan"}, Plan: text}, true
	}
	if len(text) > maxPaste {
		return f, false
	}
	words := strings.Fields(text)
	for _, w := range words[:min(len(words), maxWords)] {
		if !f.word(strings.Trim(w, `<>()[]"',;`)) {
			f.Unknown++
		}
	}
	return f, len(f.What) > 0
}

// word takes one word up.
func (f *Found) word(w string) bool {
	switch {
	case strings.HasPrefix(w, "https://") || strings.HasPrefix(w, "http://"):
		return f.address(w)
	case isHex(w, 40):
		f.set(&f.Commit, w)
		return f.say("a commit")
	case isDigest(w):
		f.set(&f.Digest, w)
		return f.say("the digest of a saved plan")
	}
	name, digest, _ := strings.Cut(w, "@")
	if isDigest(digest) && imageName(name) {
		f.Images = append(f.Images, Image{name, digest})
		return f.say("an image")
	}
	return false
}

func (f *Found) say(what string) bool {
	if !slices.Contains(f.What, what) {
		f.What = append(f.What, what)
	}
	return true
}

// set keeps the first of several.
func (f *Found) set(to *string, v string) {
	if *to == "" {
		*to = v
	}
}

// address reads a web address. Of an address that is kept, only scheme, host and path are: a query or a
// user part can hold a credential.
func (f *Found) address(w string) bool {
	u, err := url.Parse(w)
	if err != nil || !plainHost(u.Host) || u.Opaque != "" || len(w) > 2000 {
		return false
	}
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if slices.ContainsFunc(parts, func(s string) bool { return !plainPart(s) }) {
		return false
	}
	if n, ok := strings.CutPrefix(u.Fragment, "!/results/"); ok && isNumber(n) { // the older address of a Bitbucket pipeline
		clean.Fragment = u.Fragment
		parts = append(parts, "results", n)
	}
	for _, forge := range []func([]string) (string, bool){f.gitlab, f.bitbucket, f.jenkins, f.github} {
		if what, ok := forge(parts); ok {
			f.link(clean)
			return f.say(what)
		}
	}
	f.link(clean)
	return f.say("a link")
}

func (f *Found) link(u url.URL) {
	if s := u.String(); !slices.Contains(f.Links, s) {
		f.Links = append(f.Links, s)
	}
}

// github knows owner/repo/pull/7 and its kin, on whatever host.
func (f *Found) github(p []string) (string, bool) {
	if len(p) < 4 {
		return "", false
	}
	repo, what, id := p[0]+"/"+p[1], p[2], p[3]
	switch {
	case what == "pull" && isNumber(id):
		if len(p) >= 6 && p[4] == "commits" && isHex(p[5], 40) {
			f.set(&f.Commit, p[5])
		}
		f.set(&f.Repo, repo)
		return "a pull request", true
	case what == "actions" && id == "runs" && len(p) >= 5 && isNumber(p[4]):
		f.set(&f.Repo, repo)
		f.set(&f.Build, p[4])
		return "a build", true
	case what == "commit" && isHex(id, 40):
		f.set(&f.Repo, repo)
		f.set(&f.Commit, id)
		return "a commit", true
	case what == "tree":
		f.set(&f.Repo, repo)
		f.set(&f.Branch, strings.Join(p[3:], "/"))
		return "a branch", true
	}
	return "", false
}

// gitlab knows group/sub/project/-/merge_requests/7 and its kin.
func (f *Found) gitlab(p []string) (string, bool) {
	i := slices.Index(p, "-")
	rest := i + 1
	if i < 0 { // addresses from before GitLab 12
		i = slices.Index(p, "merge_requests")
		rest = i
	}
	if i < 2 || len(p) < rest+2 {
		return "", false
	}
	repo, what, id := strings.Join(p[:i], "/"), p[rest], p[rest+1]
	switch {
	case what == "merge_requests" && isNumber(id):
		f.set(&f.Repo, repo)
		return "a merge request", true
	case (what == "jobs" || what == "pipelines") && isNumber(id):
		f.set(&f.Repo, repo)
		f.set(&f.Build, id)
		return "a build", true
	case what == "commit" && isHex(id, 40):
		f.set(&f.Repo, repo)
		f.set(&f.Commit, id)
		return "a commit", true
	case what == "tree":
		f.set(&f.Repo, repo)
		f.set(&f.Branch, strings.Join(p[rest+1:], "/"))
		return "a branch", true
	}
	return "", false
}

// bitbucket knows the cloud's workspace/repo/… and the server's projects/KEY/repos/repo/….
func (f *Found) bitbucket(p []string) (string, bool) {
	if len(p) >= 6 && p[0] == "projects" && p[2] == "repos" {
		p = append([]string{p[1], p[3]}, p[4:]...)
	}
	if len(p) < 4 {
		return "", false
	}
	repo, what, id := p[0]+"/"+p[1], p[2], p[len(p)-1]
	switch {
	case what == "pull-requests" && isNumber(p[3]):
		f.set(&f.Repo, repo)
		return "a pull request", true
	case (what == "pipelines" || what == "addon") && slices.Contains(p, "results") && isNumber(after(p, "results")):
		f.set(&f.Repo, repo)
		f.set(&f.Build, after(p, "results"))
		return "a build", true
	case what == "commits" && isHex(id, 40):
		f.set(&f.Repo, repo)
		f.set(&f.Commit, id)
		return "a commit", true
	}
	return "", false
}

// jenkins knows job/folder/job/name/7, and Blue Ocean's pages.
func (f *Found) jenkins(p []string) (string, bool) {
	if i := slices.Index(p, "jenkins"); i >= 0 && len(p) >= i+5 && p[i+2] == "detail" && isNumber(p[i+4]) {
		f.set(&f.Job, p[i+1])
		f.set(&f.Branch, p[i+3])
		f.set(&f.Build, p[i+4])
		return "a build", true
	}
	i := slices.Index(p, "job")
	if i < 0 {
		return "", false
	}
	var names []string
	for ; i+1 < len(p) && p[i] == "job"; i += 2 {
		names = append(names, p[i+1])
	}
	if i >= len(p) || !isNumber(p[i]) || len(names) == 0 {
		return "", false
	}
	f.set(&f.Job, strings.Join(names, "/"))
	f.set(&f.Build, p[i])
	return "a build", true
}

// after gives the part that follows a word.
func after(p []string, word string) string {
	if i := slices.Index(p, word); i >= 0 && i+1 < len(p) {
		return p[i+1]
	}
	return ""
}

// plainPart reports whether a part of a path is a name as forges allow them; anything else is not taken
// apart.
func plainPart(s string) bool {
	return len(s) <= maxPart && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune("\\\"'<>`{}|^%", r) || r > 0x7f && !unicode.IsLetter(r)
	}) && s != ".." && s != "."
}

func plainHost(s string) bool {
	return s != "" && len(s) <= maxPart && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-:[]", r)
	})
}

func imageName(s string) bool {
	return s != "" && len(s) <= maxPart && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:") == "" &&
		!strings.HasPrefix(s, "/") && !strings.HasPrefix(s, ":")
}

func isNumber(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

func isHex(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" }

func isDigest(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	return ok && isHex(hex, 64)
}
