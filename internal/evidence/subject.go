package evidence

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// subject is a digest taken apart: two subjects are of one family when one can contradict the other.
type subject struct{ family, hex string }

// maxNamed is how many subjects of one file are remembered.
const maxNamed = 256

// readSubject reads "algorithm:hex" with the algorithm names of in-toto's digest sets. A Git commit
// may be written gitCommit:, git: or sha1:, and is 40 or 64 digits long.
func readSubject(s string) (subject, bool) {
	alg, hex, ok := strings.Cut(s, ":")
	if !ok || !isHex(hex) {
		return subject{}, false
	}
	n := len(hex)
	switch alg {
	case "sha256":
		return subject{alg, hex}, n == 64
	case "sha384":
		return subject{alg, hex}, n == 96
	case "sha512":
		return subject{alg, hex}, n == 128
	case "gitCommit", "git":
		return subject{"git", hex}, n == 40 || n == 64
	case "sha1":
		return subject{"git", hex}, n == 40
	}
	return subject{}, false
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

// name remembers a digest that the file names; what is no digest names nothing.
func (res *Result) name(digest string) {
	digest = strings.TrimSpace(digest)
	alg, hex, _ := strings.Cut(digest, ":")
	digest = alg + ":" + strings.ToLower(hex)
	if _, ok := readSubject(digest); !ok || len(res.Named) >= maxNamed || slices.Contains(res.Named, digest) {
		return
	}
	res.Named = append(res.Named, digest)
}

// nameCommit remembers a Git commit; a branch or a shortened id names nothing.
func (res *Result) nameCommit(id string) { res.name("gitCommit:" + id) }

// nameImage remembers the digest in an image reference such as registry/app@sha256:….
func (res *Result) nameImage(ref string) {
	if i := strings.LastIndexByte(ref, '@'); i >= 0 {
		ref = ref[i+1:]
	}
	res.name(ref)
}

// confirm compares what the asker says with what the file says. One of several digests of a family
// must be the subject: an image has a digest per manifest and one of its configuration. A file that
// speaks only of another family, or of nothing, confirms nothing and contradicts nothing.
func confirm(want string, named []string) (bool, error) {
	w, _ := readSubject(want)
	contradicts := false
	for _, n := range named {
		s, _ := readSubject(n)
		if s == w {
			return true, nil
		}
		contradicts = contradicts || s.family == w.family
	}
	if contradicts {
		return false, fault.New(fault.Invalid, "subject_mismatch",
			"The file is about another artifact than the one it was handed in for.").
			Because("evidence-subject", "A3").FixedBy("the pipeline that wrote it").
			Then("test or scan the artifact by the digest that the change is bound to")
	}
	return false, nil
}
