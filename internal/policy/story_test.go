package policy_test

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/policies"
)

func TestStoriesOfTheShippedPackHold(t *testing.T) {
	t.Parallel()
	fsys, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	stories, err := policy.RunStories(fsys)
	if err != nil {
		t.Fatal(fault(err))
	}
	told := map[string]bool{}
	for _, s := range stories {
		for _, step := range s.Steps {
			if !step.OK {
				t.Errorf("%s:%d: %s: got %s", s.File, step.Line, step.Text, step.Got)
			}
		}
		if !s.OK || s.Title == "" || len(s.Clauses) == 0 {
			t.Errorf("%s: got OK %v, title %q, clauses %v", s.File, s.OK, s.Title, s.Clauses)
		}
		p := shipped(t)
		for _, c := range s.Clauses {
			if _, ok := p.Clause(c); !ok {
				t.Errorf("%s is about the clause %s, which the pack does not have", s.File, c)
			}
			told[c] = true
		}
		for _, r := range s.Requirements {
			told[r] = true
		}
	}
	for _, want := range []string{"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12",
		"A13", "A14", "A15", "A16", "A17", "B1", "B2", "B3", "B4"} {
		if !told[want] {
			t.Errorf("no story is about requirement %s", want)
		}
	}
	// What these keep is seen in production after the fact, so no decision about a change can tell it; their rooms have the stories.
	observed := map[string]bool{"inventory": true, "reconcile": true, "campaigns": true, "diagram": true, "separation": true}
	for _, c := range shipped(t).Clauses {
		decided := slices.DeleteFunc(slices.Clone(c.BuiltIn), func(guard string) bool { return observed[guard] })
		if kept := len(c.Rules)+len(decided) > 0; kept && !told[c.ID] {
			t.Errorf("no story is about clause %s, which the pack says is kept", c.ID)
		}
	}
	for _, r := range shipped(t).Rules {
		if !told[r.Clause] {
			t.Errorf("no story is about clause %s of rule %s", r.Clause, r.ID)
		}
	}
}

func TestAStoryThatDoesNotHoldSaysWhere(t *testing.T) {
	t.Parallel()
	const head = "clause deploy/two-approvals\npeople\n  sara: security-lead\n  eva: engineering-lead\n  dev:\nchange\n  type: normal\n" +
		"  category: configuration\n  components: web\n  targets: web-prod\n  bindings: config-file\n  evidence: tests\nevents\n  dev asks\n"
	for name, tc := range map[string]struct {
		events string
		ok     bool
	}{
		"nothing expected":       {"", false},
		"wrong expectation":      {"  expect authorized\n", false},
		"too few slots expected": {"  expect needs security-lead\n", false},
		"right expectation":      {"  expect needs security-lead, engineering-lead\n", true},
		"unexpected refusal":     {"  dev approves\n  expect not authorized\n", false},
		"refusal at the end":     {"  expect not authorized\n  dev approves\n", false},
		"wrong refusal":          {"  dev approves\n  expect refused no_slot\n", false},
		"impossible event":       {"  sara dances\n  expect not authorized\n", false},
		"stranger":               {"  mallory approves\n  expect not authorized\n", false},
		"unknown expectation":    {"  expect sunshine\n", false},
	} {
		s, err := shipped(t).RunStory(name, []byte(head+tc.events))
		if err != nil {
			t.Errorf("%s: %s", name, fault(err))
		}
		if s.OK != tc.ok {
			t.Errorf("%s: got OK %v with %+v, want %v", name, s.OK, s.Steps, tc.ok)
		}
	}
}

func TestWhatIsNoStoryIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "people\n", "people\n  a:\nevents\n  a asks\n", "nonsense\n", "  people\n",
		"people\n  a: nobody\nchange\n  type: normal\nevents\n  a asks\n", "people\n  a:\n  a:\n", "change\n  colour: blue\n",
		"change\n  plan: create many\n", "change\n  without: everything\n", "people\n  a:\nchange\n  type: normal\nevents\n  a asks\u202e\n"} {
		if _, err := shipped(t).RunStory("x.txt", []byte(text)); err == nil {
			t.Errorf("got no error for %q", text)
		}
	}
}

func FuzzStory(f *testing.F) {
	p := shipped(f)
	f.Add([]byte("# t\nclause statement/a\npeople\n  sara: security-lead\n  dev:\nchange\n  type: normal\n  category: deploy\n  components: web\n  targets: web-prod\n  bindings: oci-image from x\n  evidence: all\nevents\n  dev asks\n  sara approves\n  73h pass\n  expect needs engineering-lead\n"))
	f.Add([]byte("people\n  a:\nchange\n  plan: complete, create 2\n  history: failures 1\n  rollback: none\nevents\n  evidence tests pass 9d old\n  expect nobody for x\n  model m is active\n  a gets b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := p.RunStory("fuzz.txt", text)
		if err != nil && s.OK {
			t.Error("a text that is no story held")
		}
		if s.OK && !slices.ContainsFunc(s.Steps, func(x policy.Step) bool { return x.OK }) {
			t.Error("a story held without a step")
		}
	})
}
