package cli

import (
	"context"
	"fmt"
	"strings"
)

// planned is one more change of the sample company, and how far it has come.
type planned struct {
	summary, why, file, text string
	upTo                     string   // filed, tested, sam, approved, rejected, closed
	more                     []string // flags that say when it may start, and what it touches
}

// furnishing is what the sample company has going on besides the story of the steps: real changes of real
// files, each brought as far as it says by the people whose part it is.
var furnishing = []planned{
	{"Keep access logs for 400 days", "The audit asks for thirteen months of access logs, and logrotate keeps ninety days.", "logrotate.conf", "rotate 400\ndaily\ncompress\n", "closed", nil},
	{"Two more workers before the autumn sale", "The queue stood at 40 s on Monday at noon; four workers halve it.", "workers.conf", "workers = 4\n", "approved", []string{"--from", "20h", "--until", "23h", "--effect", "web-prod memory_megabytes update 4096"}},
	{"Refuse TLS below 1.3 at the edge", "The baseline asks for TLS 1.3; the last client below it was seen in June.", "tls.conf", "min_version = 1.3\n", "sam", []string{"--from", "44h", "--until", "46h"}},
	{"Longer timeout towards the payment provider", "@erin The provider answers within 9 s at worst; we cut at 5 s.", "payment.conf", "timeout_seconds = 12\n", "tested", []string{"--from", "21h", "--until", "24h", "--effect", "web-prod memory_megabytes update 3072"}},
	{"Switch the debug log on for a day", "To find where sessions get lost.", "debug.conf", "level = debug\n", "rejected", nil},
	{"New cache size", "Half of the memory lies idle.", "cache.conf", "megabytes = 2048\n", "filed", nil},
}

// furnish brings the sample company to life for whoever looks around, and gives what could not be set up, each with its name. The loop of
// the steps is over by then, so a part that fails, such as on a machine that is too busy to judge within half a minute, keeps nobody from
// looking at the others.
func (d *demo) furnish(ctx context.Context) (failed []error) {
	try := func(what string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", what, err))
		}
	}
	for _, p := range furnishing {
		try("the change \""+p.summary+"\"", d.bring(ctx, p))
	}
	if err := d.furnishHosts(ctx); err != nil {
		try("the hosts, with all that is about them", err)
	} else {
		try("exceptions from what is a finding", d.furnishExceptions(ctx))
		try("edits past the gate", d.furnishEdits(ctx))
		try("a campaign", d.furnishCampaign(ctx))
	}
	_, err := d.want(ctx, 0, "sam", "freeze", "set", "--from", "240h", "--until", "312h", "--env", "prod", "--reason", "Autumn sale: nothing moves on the shop")
	try("a freeze", err)
	return failed
}

func (d *demo) bring(ctx context.Context, p planned) error {
	if err := d.write("project/"+p.file, p.text, 0o600); err != nil {
		return err
	}
	var id string
	flags := append([]string{"--config-file", p.file, "--justification", p.why,
		"--rollback", "Install the file of the day before, which the host keeps as " + p.file + ".1"}, p.more...)
	if err := d.fileAs(ctx, &id, p.summary, flags...); err != nil {
		return err
	}
	steps := map[string][][]string{
		"tests":    {{"ann", "evidence", "add", id, "tests.xml"}},
		"sam":      {{"sam", "change", "approve", id, "-m", "Looked at the file and at who reads it."}},
		"erin":     {{"erin", "change", "approve", id, "-m", "Fits the load we see."}},
		"rejected": {{"sam", "change", "reject", id, "-m", "The debug log holds session tokens. Take the tracing instead."}},
		"run":      {{"ivo", "gate", "run", id, "--", "install", "-m", "0644", p.file, "prod/" + p.file}, {"ed", "change", "verify", id, "-m", "Seen on the host."}, {"ann", "change", "close", id, "--as", "successful"}},
	}
	for _, name := range strings.Fields(map[string]string{"filed": "", "tested": "tests", "sam": "tests sam", "approved": "tests sam erin",
		"rejected": "tests rejected", "closed": "tests sam erin run"}[p.upTo]) {
		for _, step := range steps[name] {
			if _, err := d.want(ctx, 0, step[0], step[1:]...); err != nil {
				return err
			}
		}
	}
	return nil
}
