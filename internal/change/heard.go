package change

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/policy"
)

// This file says which evidence counts where one document says yes and another no (docs/adr/0015; policy statement c). The newest
// counts, but a failure stands until somebody reports again who weighs as much as who reported it. A person's upload, and whatever
// an author's own program brings, is no answer to a failing pipeline; a file that Security signs for is.

// checkFacts gives per kind the evidence that counts, of what is about the things that this revision would run. Evidence about
// anything else, or without a subject, is as good as none. own tells what an author brought.
func checkFacts(m Material, checks []CheckResult, now int64, own func(CheckResult) bool) []policy.Check {
	counts := map[string]CheckResult{}
	for kind, list := range m.heard(checks) {
		counts[kind] = list[len(list)-1]
		if f, stands := m.standingFailure(list, own); stands {
			counts[kind] = f
		}
	}
	var out []policy.Check
	for kind, c := range counts {
		out = append(out, policy.Check{Kind: kind, Status: c.Status, AgeSecs: (now - c.At) / 1_000_000})
	}
	slices.SortFunc(out, func(a, b policy.Check) int { return strings.Compare(a.Kind, b.Kind) })
	return out
}

// heard gives the evidence about what this revision would run, by kind, in the order in which it came.
func (m Material) heard(checks []CheckResult) map[string][]CheckResult {
	bound, out := m.bound(), map[string][]CheckResult{}
	for _, c := range checks {
		if bound[c.Subject] {
			out[c.Kind] = append(out[c.Kind], c)
		}
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b CheckResult) int { return int(a.N - b.N) })
	}
	return out
}

// standingFailure gives the newest failure among the evidence of one kind that nothing newer outweighs.
func (m Material) standingFailure(list []CheckResult, own func(CheckResult) bool) (f CheckResult, stands bool) {
	var open []CheckResult
	for _, c := range list {
		if !passed(c) {
			open = append(open, c)
			continue
		}
		open = slices.DeleteFunc(open, func(f CheckResult) bool { return m.outweighs(c, f, own) })
	}
	if len(open) == 0 {
		return f, false
	}
	return open[len(open)-1], true
}

func passed(c CheckResult) bool { return c.Status == string(evidence.Pass) }

// outweighs reports whether a newer pass answers a failure: it is about the same thing, and comes from the same account in the same hands, from a
// program where a program failed, from another person than an author where a person did, or from Security, who signs for an
// attached file that says why (addCheck asks for that).
func (m Material) outweighs(c, f CheckResult, own func(CheckResult) bool) bool {
	switch {
	case !m.sameThing(c.Subject, f.Subject):
		return false
	case c.Producer == f.Producer && sameHands(c, f), signed(c):
		return true
	case own(c):
		return false
	}
	return c.Service || !f.Service
}

// sameHands reports whether the same person answered for an account when it brought one piece of evidence and another; of what is old
// nobody knows it any more.
func sameHands(a, b CheckResult) bool {
	return a.Person == b.Person || a.Person == "" || b.Person == ""
}

// signed tells an attached file that stands for a kind which tools could show.
func signed(c CheckResult) bool {
	return c.Format == string(evidence.Attached) && c.Kind != string(evidence.AttachedFile)
}

// sameThing reports whether two subjects are names of one thing that would be run.
func (m Material) sameThing(a, b string) bool {
	return a == b || slices.ContainsFunc(m.Bindings, func(x Binding) bool {
		names := subjectsOf(x)
		return slices.Contains(names, a) && slices.Contains(names, b)
	})
}

// nobodys is own where nobody knows whose an account is.
func nobodys(CheckResult) bool { return false }

// own tells what the change's authors brought: themselves, by a program that they answer for, or as somebody whom they could act as. A
// program that went to another owner since is still theirs in what it said before, and theirs in all it ever said where it came to them.
func (s *Snapshot) own() func(CheckResult) bool {
	if s.Roster == nil { // who verifies a pack knows accounts, and not whose they are
		return nobodys
	}
	var authors []string
	return func(c CheckResult) bool {
		if authors == nil {
			authors = s.selves(s.Change.Requester, asNow)
			for _, a := range s.Change.Body.Authors {
				authors = append(authors, s.selves(a, asNow)...)
			}
		}
		a, known := s.Roster.Account(directory.AccountID(c.Producer))
		return !known || meet(s.selves(string(a.Person), asNow), authors) || c.Person != "" && meet(s.selves(c.Person, asNow), authors)
	}
}

// independent keeps the evidence that may stand for people's look: what a service account brought that none
// of the change's authors answers for, nor anybody who could act as one of them. Whoever owns a service
// account can say by it what they like, and a requester's own word opens no automatic approval. That something
// failed is heard from anybody.
func (s *Snapshot) independent() []CheckResult {
	own := s.own()
	return slices.DeleteFunc(slices.Clone(s.Checks), func(c CheckResult) bool { return passed(c) && (!c.Service || own(c)) })
}

// unanswered says why evidence of a kind does not pass although some of it passed after it failed; "" where that is not so.
func (s *Snapshot) unanswered(kind string) string {
	m := s.Revision.Material
	list := m.heard(s.Checks)[kind]
	f, stands := m.standingFailure(list, s.own())
	if !stands || !passed(list[len(list)-1]) {
		return ""
	}
	others := "another person who is no author, a program that no author owns"
	if f.Service {
		others = "another program, which no author owns"
	}
	return fmt.Sprintf("It failed, as %s reported on %s, and what passed since does not answer that. It is answered by the same account, by %s,"+
		" or by Security with an attached file that says why.", s.nameOf(f.Producer), clock(f.At), others)
}
