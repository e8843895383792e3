package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

func TestARefusalKeepsItsReasonThroughWrapping(t *testing.T) {
	t.Parallel()
	e := fault.New(fault.Denied, "self_approval", "The author cannot approve %s.", "CHG-7").Because("separate", "A6").
		FixedBy("an approver").Then("plumb change approve %s", "CHG-7").At("role", "is missing").About("CHG-7").From(io.ErrUnexpectedEOF)
	err := fmt.Errorf("approve change: %w", fmt.Errorf("decide: %w", e))
	got := fault.Of(err)
	if got != e || !fault.Is(err, "self_approval") || fault.Is(err, "other") || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("of = %+v, want the refusal itself with its cause", got)
	}
	if got.Error() != "The author cannot approve CHG-7." || got.Rule != "separate" || got.Clause != "A6" || got.Who != "an approver" ||
		got.Next != "plumb change approve CHG-7" || got.Object != "CHG-7" || len(got.Fields) != 1 {
		t.Errorf("refusal = %+v", got)
	}
}

func TestAnErrorThatIsNoRefusalShowsNothingOfItself(t *testing.T) {
	t.Parallel()
	err := errors.New("password=hunter2")
	got := fault.Of(err)
	if got.Kind != fault.Internal || got.Code != "internal" || strings.Contains(got.Error(), "hunter2") || !errors.Is(got, err) {
		t.Errorf("of = %+v, want a constant sentence with the cause kept", got)
	}
	if fault.Is(nil, "internal") || fault.Is(err, "internal") {
		t.Error("what is no refusal has a code")
	}
}

func TestEveryKindHasANameAndTheUnknownOneIsInternal(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d is %q", k, name)
		} else {
			seen[name] = true
		}
	}
	for _, k := range []fault.Kind{fault.Unavailable + 1, -1} {
		if k.String() != "internal" {
			t.Errorf("kind %d is %q, want internal", k, k)
		}
	}
}

func TestOnlyAHumanInTheirOwnSessionDecides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		actor fault.Actor
		want  bool
	}{
		{fault.Actor{Person: "per_1", Kind: fault.Human, Authn: fault.Session}, true},
		{fault.Actor{Person: "per_1", Kind: fault.Human, Authn: fault.Token}, false},
		{fault.Actor{Person: "per_1", Kind: fault.Human, Authn: fault.Setup}, false},
		{fault.Actor{Person: "per_1", Kind: fault.Service, Authn: fault.Session}, false},
		{fault.Actor{Kind: fault.Human, Authn: fault.Session}, false},
		{fault.Actor{Person: "per_1", Authn: fault.Session}, false},
		{fault.SystemActor("sweeper"), false},
		{fault.Actor{}, false},
	} {
		if got := c.actor.IsPerson(); got != c.want {
			t.Errorf("%+v decides = %v, want %v", c.actor, got, c.want)
		}
	}
}

func TestATokenHasItsScopesOnlyAndNobodyHasNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		actor fault.Actor
		want  bool
	}{
		{fault.Actor{Authn: fault.Session}, true},
		{fault.SystemActor("sweeper"), true},
		{fault.Actor{Authn: fault.Token, Scopes: []string{"file", "gate:open"}}, true},
		{fault.Actor{Authn: fault.Token, Scopes: []string{"file", "gate"}}, false},
		{fault.Actor{Authn: fault.Token}, false},
		{fault.Actor{Authn: fault.Setup, Scopes: []string{"gate:open"}}, false},
		{fault.Actor{Scopes: []string{"gate:open"}}, false},
		{fault.Actor{Authn: "invented", Scopes: []string{"gate:open"}}, false},
	} {
		if got := c.actor.HasScope("gate:open"); got != c.want {
			t.Errorf("%+v has the scope = %v, want %v", c.actor, got, c.want)
		}
	}
}
