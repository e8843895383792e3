package api

import (
	"context"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/policies"
)

// SetupState says whether the first-start ceremony is done.
type SetupState struct {
	Done    bool     `json:"done"`
	Company string   `json:"company,omitempty"`
	Packs   []string `json:"packs,omitempty" doc:"policy packs that the ceremony can choose from"`
}

func (a *API) setupState(ctx context.Context, _ *none) (*body[SetupState], error) {
	i, err := a.People.Install(ctx)
	if fault.Is(err, "not_set_up") {
		return give(SetupState{Packs: []string{policies.Default}}, nil)
	}
	return give(SetupState{Done: err == nil, Company: i.Company}, err)
}

// Ceremony is what the first-start ceremony is told.
type Ceremony struct {
	Code     seal.Secret             `json:"code" doc:"the setup code of this server"`
	Company  string                  `json:"company"`
	Prefix   string                  `json:"prefix,omitempty" doc:"of change ids; CHG when left out"`
	Zone     string                  `json:"zone,omitempty" doc:"IANA time zone; UTC when left out"`
	People   []directory.SetupPerson `json:"people"`
	Officers []string                `json:"officers" doc:"exactly two of the people, by username"`
	Pack     string                  `json:"pack,omitempty" doc:"name of a policy pack that the program ships with"`
	Archive  Raw                     `json:"archive,omitempty" doc:"a policy pack of one's own, as plumb policy archive writes it"`
}

// Settled is what came out of the ceremony. The codes are shown this once.
type Settled struct {
	Install directory.Install             `json:"install"`
	Policy  string                        `json:"policy" doc:"digest of the policy pack in force"`
	People  map[string]directory.PersonID `json:"people" doc:"by username"`
	Codes   map[string]string             `json:"codes" doc:"one-time codes by username, to choose a password with"`
}

type ceremonyIn struct {
	In JSON[Ceremony]
}

func (a *API) setUp(ctx context.Context, in *ceremonyIn) (*body[Settled], error) {
	c := in.In.value
	pack, err := c.pack()
	if err != nil {
		return nil, err
	}
	s := directory.Setup{Company: c.Company, Prefix: c.Prefix, Zone: c.Zone, People: c.People, Officers: c.Officers}
	done, err := a.Changes.Ceremony(ctx, c.Code, s, pack, "api", actorOf(ctx).Request)
	if err != nil {
		return nil, err
	}
	out := Settled{Install: done.Install, Policy: pack.Digest(), People: done.People, Codes: map[string]string{}}
	for name, code := range done.Codes {
		out.Codes[name] = code.Reveal()
	}
	return give(out, nil)
}

// pack loads what the ceremony names.
func (c Ceremony) pack() (*policy.Pack, error) {
	if len(c.Archive) > 0 {
		return policy.LoadArchive([]byte(c.Archive))
	}
	name := c.Pack
	if name == "" {
		name = policies.Default
	}
	return change.Shipped(name)
}
