package change

import (
	"context"
	"fmt"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/policies"
)

// Ceremony holds the first-start ceremony under a policy pack: the first people come in and the pack
// comes into force, in one transaction, and only if these people can satisfy each of its rules. It is the
// one way for every surface. It fails as directory.Desk.Ceremony does.
func (d *Desk) Ceremony(ctx context.Context, code seal.Secret, s directory.Setup, p *policy.Pack, source, request string) (directory.Settled, error) {
	done, err := d.people.Ceremony(ctx, code, s, directory.Ending{Install: d.install, Roles: p.Roles,
		Check:    func(people []policy.Person) error { return staffed(Ready(p, people, d.db.Now())) },
		Activate: func(tx *db.Tx, _ directory.PersonID) error { return d.SetUp(tx, p) },
	}, source, request)
	if err == nil && d.onSetUp != nil {
		d.onSetUp()
	}
	return done, err
}

// staffed says who mends a company that its pack cannot be kept with: a pack that is held with these people is
// mostly right, and the people are too few.
func staffed(err error) error {
	if e := fault.Of(err); err != nil && e.Code == "bad_pack" {
		e.FixedBy("whoever names the people; else whoever writes the pack").Then("give the roles that are named to more people, then plumb setup")
	}
	return err
}

// Shipped loads a policy pack that the program ships with; Invalid for a name that it does not know.
func Shipped(name string) (*policy.Pack, error) {
	files, err := policies.Pack(name)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no_pack", "The program ships with no policy pack of that name.").At("pack", "is not known here").
			FixedBy("you").Then("name %s, or send an archive of your own", policies.Default)
	}
	p, err := policy.Load(files)
	if err != nil {
		return nil, fmt.Errorf("load policy pack: %w", err)
	}
	return p, nil
}
