package filing_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/web/filing"
)

const sha = "0123456789abcdef0123456789abcdef01234567"

var digest = "sha256:" + strings.Repeat("ab", 32)

// line writes what was found in one line.
func line(f filing.Found, ok bool) string {
	if !ok {
		return "nothing"
	}
	out := strings.Join(f.What, "+")
	for _, x := range [][2]string{{"repo", f.Repo}, {"branch", f.Branch}, {"commit", f.Commit}, {"job", f.Job}, {"build", f.Build},
		{"digest", f.Digest}, {"links", strings.Join(f.Links, ",")}, {"plan", f.Plan}} {
		if x[1] != "" {
			out += " " + x[0] + "=" + x[1]
		}
	}
	for _, i := range f.Images {
		out += " image=" + i.Name + "@" + i.Digest
	}
	return out
}

func TestWhatPeoplePasteIsRecognised(t *testing.T) {
	t.Parallel()
	for paste, want := range map[string]string{
		// GitHub, and GitHub on a host of one's own
		"https://github.com/acme/infra/pull/12":                       "a pull request repo=acme/infra links=https://github.com/acme/infra/pull/12",
		"https://github.com/acme/infra/pull/12/files?diff=split#x":    "a pull request repo=acme/infra links=https://github.com/acme/infra/pull/12/files",
		"https://github.com/acme/infra/pull/12/commits/" + sha:        "a pull request repo=acme/infra commit=" + sha + " links=https://github.com/acme/infra/pull/12/commits/" + sha,
		"https://git.example.com/acme/infra/commit/" + sha:            "a commit repo=acme/infra commit=" + sha + " links=https://git.example.com/acme/infra/commit/" + sha,
		"https://github.com/acme/infra/tree/feature/x":                "a branch repo=acme/infra branch=feature/x links=https://github.com/acme/infra/tree/feature/x",
		"https://github.com/acme/infra/actions/runs/123456789/job/77": "a build repo=acme/infra build=123456789 links=https://github.com/acme/infra/actions/runs/123456789/job/77",
		"https://github.com/acme/infra/pull/twelve":                   "a link links=https://github.com/acme/infra/pull/twelve",
		// GitLab, with groups in groups
		"https://gitlab.com/acme/platform/infra/-/merge_requests/3/diffs": "a merge request repo=acme/platform/infra links=https://gitlab.com/acme/platform/infra/-/merge_requests/3/diffs",
		"https://gitlab.example.com/acme/infra/merge_requests/3":          "a merge request repo=acme/infra links=https://gitlab.example.com/acme/infra/merge_requests/3",
		"https://gitlab.com/acme/infra/-/jobs/991":                        "a build repo=acme/infra build=991 links=https://gitlab.com/acme/infra/-/jobs/991",
		"https://gitlab.com/acme/infra/-/pipelines/44":                    "a build repo=acme/infra build=44 links=https://gitlab.com/acme/infra/-/pipelines/44",
		"https://gitlab.com/acme/infra/-/commit/" + sha:                   "a commit repo=acme/infra commit=" + sha + " links=https://gitlab.com/acme/infra/-/commit/" + sha,
		// Bitbucket, in the cloud and at home
		"https://bitbucket.org/acme/infra/pull-requests/5/":                          "a pull request repo=acme/infra links=https://bitbucket.org/acme/infra/pull-requests/5/",
		"https://bitbucket.org/acme/infra/pipelines/results/81":                      "a build repo=acme/infra build=81 links=https://bitbucket.org/acme/infra/pipelines/results/81",
		"https://bitbucket.org/acme/infra/addon/pipelines/home#!/results/81":         "a build repo=acme/infra build=81 links=https://bitbucket.org/acme/infra/addon/pipelines/home#!/results/81",
		"https://bitbucket.org/acme/infra/commits/" + sha:                            "a commit repo=acme/infra commit=" + sha + " links=https://bitbucket.org/acme/infra/commits/" + sha,
		"https://git.acme.example/projects/OPS/repos/infra/pull-requests/9/overview": "a pull request repo=OPS/infra links=https://git.acme.example/projects/OPS/repos/infra/pull-requests/9/overview",
		// Jenkins
		"https://ci.example.com/job/infra/job/main/88/console":                            "a build job=infra/main build=88 links=https://ci.example.com/job/infra/job/main/88/console",
		"https://ci.example.com/jenkins/job/apply/7":                                      "a build job=apply build=7 links=https://ci.example.com/jenkins/job/apply/7",
		"https://ci.example.com/job/infra/configure":                                      "a link links=https://ci.example.com/job/infra/configure",
		"https://ci.example.com/blue/organizations/jenkins/apply/detail/main/41/pipeline": "a build branch=main job=apply build=41 links=https://ci.example.com/blue/organizations/jenkins/apply/detail/main/41/pipeline",
		"https://ci.example.com/job/infra/3 https://github.com/acme/infra/pull/1":         "a build+a pull request repo=acme/infra job=infra build=3 links=https://ci.example.com/job/infra/3,https://github.com/acme/infra/pull/1",
		"Please look: <https://github.com/acme/infra/pull/1>, thanks":                     "a pull request repo=acme/infra links=https://github.com/acme/infra/pull/1",
		"https://tok:secret@github.com/acme/infra/pull/1?token=secret#secret":             "a pull request repo=acme/infra links=https://github.com/acme/infra/pull/1",
		// commits, images, digests, plans
		sha:                                      "a commit commit=" + sha,
		"commit " + sha + "\nAuthor: Ann":        "a commit commit=" + sha,
		"registry.example.com/web:1.2@" + digest: "an image image=registry.example.com/web:1.2@" + digest,
		digest + "\nnormalized " + digest:        "the digest of a saved plan digest=" + digest,
		"\ufeff {\"format_version\":\"1.2\"} ":   "a plan plan={\"format_version\":\"1.2\"}",
		// nothing of it
		"":                                   "nothing",
		"please deploy":                      "nothing",
		sha[:39]:                             "nothing",
		"sha256:" + strings.Repeat("AB", 32): "nothing",
		"web:latest":                         "nothing",
		"javascript:alert(1)":                "nothing",
		"ftp://github.com/acme/infra/pull/1": "nothing",
		"https:///acme/infra/pull/1":         "nothing",
		"https://github.com/acme/../pull/1":  "nothing",
		"https://github.com/a%3Cb%3E/infra/pull/1": "nothing",
		"https://github.com/acme/in%0afra/pull/1":  "nothing",
		strings.Repeat("x ", 40<<10):               "nothing",
	} {
		if got := line(filing.Recognise(paste)); got != want {
			t.Errorf("%.80q\ngot  %s\nwant %s", paste, got, want)
		}
	}
}

func FuzzRecognise(f *testing.F) {
	for _, s := range []string{"https://github.com/acme/infra/pull/12", "https://gitlab.com/a/b/-/jobs/1", "https://bitbucket.org/a/b/pull-requests/1",
		"https://ci.example.com/job/a/job/b/1", sha, digest, "web@" + digest, "{}", "https://h/%00/-/a", "https://a/job/", "https://h/-/-/-",
		"https://h/projects/a/repos/b/commits", "https://h/jenkins/x/detail/y/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, paste string) {
		got, ok := filing.Recognise(paste)
		if again, also := filing.Recognise(paste); ok != also || line(got, ok) != line(again, also) {
			t.Errorf("%q is read in two ways", paste)
		}
		for _, l := range got.Links {
			if !strings.HasPrefix(l, "https://") && !strings.HasPrefix(l, "http://") || strings.ContainsAny(l, " \n\t<>\"?") {
				t.Errorf("%q gives the link %q", paste, l)
			}
		}
		for _, s := range []string{got.Repo, got.Branch, got.Job, got.Build} {
			if strings.ContainsAny(s, "\n\r\t<>\"\\\x00") {
				t.Errorf("%q gives the name %q", paste, s)
			}
		}
	})
}
