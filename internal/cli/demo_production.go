package cli

import (
	"context"
	"strings"
)

// racks is what the sample company's list of hosts says at first.
const racks = `name,class,type,environment,classification,role,tier,criticality,mac,size,kernel,firewall
web-1,Host,rack_server,prod,confidential,web,frontend,7,02:fc:10:00:00:01,cx32,6.1.0-28,"443"
web-2,Host,rack_server,prod,confidential,web,frontend,7,02:fc:10:00:00:02,cx32,6.1.0-28,"443"
db-1,Host,rack_server,prod,critical,db,backend,9,02:fc:10:00:00:03,cx52,6.1.0-28,"5432"
queue-1,Host,rack_server,prod,internal,queue,backend,5,02:fc:10:00:00:04,cx22,6.1.0-28,"5671"
ci-1,Host,rack_server,test,internal,ci,,3,02:fc:10:00:00:05,cx42,6.1.0-28,"22"
`

// furnishHosts shows the inventory the racks, and who looks after what is in them.
func (d *demo) furnishHosts(ctx context.Context) error {
	if err := d.showRacks(ctx, "add", racks); err != nil {
		return err
	}
	for host, owner := range map[string]string{"web-1": "ann", "web-2": "ann", "db-1": "ed"} {
		if _, err := d.want(ctx, 0, "olga", "asset", "label", host, "owner="+owner, "--reason", "looks after it"); err != nil {
			return err
		}
	}
	return nil
}

// furnishEdits leaves edits past the gate that wait for an answer, and one that was left for a time.
func (d *demo) furnishEdits(ctx context.Context) error {
	edited := strings.NewReplacer(`cx52,6.1.0-28,"5432"`, `cx52,6.1.0-28,"5432, 22"`, `04,cx22,6.1.0-28`, `04,cx42,6.1.0-28`, `02,cx32,6.1.0-28`, `02,cx32,6.1.0-31`).Replace(racks) +
		"tmp-7,Host,rack_server,,,,,,02:fc:10:00:00:06,cx11,6.1.0-31,\"22, 8080\"\n"
	if err := d.showRacks(ctx, "", edited); err != nil {
		return err
	}
	var open []raised
	err := until(ctx, func() (ok bool, err error) {
		open, err = d.findings(ctx, "open")
		return len(open) >= 3, err
	})
	if err != nil {
		return err
	}
	for _, f := range open {
		if f.Path == "size" {
			if _, err := d.want(ctx, 0, "olga", "reconcile", "waive", f.ID, "--until", "7d", "--reason", "The queue needs it until the sale is over"); err != nil {
				return err
			}
		}
	}
	return nil
}

// showRacks pushes the list of hosts, as it is after somebody edited production.
func (d *demo) showRacks(ctx context.Context, add, text string) error {
	if err := d.write("project/racks.csv", text, 0o600); err != nil {
		return err
	}
	if add != "" {
		if _, err := d.want(ctx, 0, "olga", "source", "add", "racks", "csv"); err != nil {
			return err
		}
	}
	_, err := d.want(ctx, 0, "olga", "source", "push", "racks", "racks.csv")
	return err
}

// furnishExceptions proposes one exception, and another that is reviewed.
func (d *demo) furnishExceptions(ctx context.Context) error {
	propose := func(args ...string) (id string, err error) {
		var m struct {
			ID string `json:"id"`
		}
		err = d.asked(ctx, &m, "ann", append([]string{"reconcile", "mute"}, args...)...)
		return m.ID, err
	}
	id, err := propose("--name", "web-*", "--path", "kernel", "--reason", "The hosts of the web tier patch their kernels themselves at night", "--expires", "90d")
	if err != nil {
		return err
	}
	if _, err := d.want(ctx, 0, "olga", "reconcile", "review", id, "--accept", "--reason", "narrow, and no door"); err != nil {
		return err
	}
	_, err = propose("--kind", "ignore", "--type", "rack_server", "--path", "size", "--reason", "The racks list rounds the sizes of its hosts", "--expires", "30d")
	return err
}

// furnishCampaign leaves a campaign that is under way.
func (d *demo) furnishCampaign(ctx context.Context) error {
	var c struct {
		ID string `json:"id"`
	}
	err := d.asked(ctx, &c, "olga", "campaign", "new", "Who runs production, autumn", "--kind", "certification", "--environment", "prod", "--class", "Host", "--due", "14d",
		"--fallback", "erin", "--fallback", "sam")
	if err != nil {
		return err
	}
	_, err = d.want(ctx, 0, "ann", "campaign", "answer", c.ID, "web-1", "confirmed")
	return err
}
