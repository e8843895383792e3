package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/prove"
)

func (a *app) policySimulate() *cobra.Command {
	var cases, from, to string
	cmd := a.leaf("simulate [PACK]", "Say what a pack would have demanded of past changes", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		if cases != "" && from+to != "" {
			return fault.New(fault.Invalid, "usage", "--from and --to choose among the server's changes; --cases brings its own.").FixedBy("you").
				Then("%s --cases FILE, without --from and --to", cmd.CommandPath())
		}
		files, err := packFolder(packArg(args))
		if err != nil {
			return err
		}
		pack, err := policy.Load(files)
		if err != nil {
			return err
		}
		if cases != "" {
			return a.simulateOffline(cmd.Context(), pack, cases)
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		var q client.SimulateRequest
		archive, err := pack.Archive()
		if err != nil {
			return err
		}
		q.Archive = archive
		for text, into := range map[*string]*string{&from: &q.From, &to: &q.To} {
			if *text != "" {
				t, err := a.instant(*text)
				if err != nil {
					return err
				}
				*into = t.UTC().Format("2006-01-02T15:04:05Z")
			}
		}
		r, err := c.Simulate(cmd.Context(), q)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error { return a.writeSimulation(w, r.Value.Rows, r.Value.Before) })
	})
	cmd.Flags().StringVar(&cases, "cases", "", "evidence pack whose changes it is tried on, or a file of facts, one JSON object a line; needs no server")
	cmd.Flags().StringVar(&from, "from", "", "begin of the period, else 90 days ago; not with --cases")
	cmd.Flags().StringVar(&to, "to", "", "end of the period, else now; not with --cases")
	return cmd
}

// simulateOffline tries a pack on the changes of an evidence pack, beside the policy that was in force there, or on facts.
func (a *app) simulateOffline(ctx context.Context, pack *policy.Pack, file string) error {
	list, inForce, report, err := a.casesIn(ctx, file)
	if err != nil {
		return err
	}
	if report != nil && !report.Whole() {
		return a.packReport(report)
	}
	v := client.Simulation{Policy: pack.Digest()}
	if err := again(pack.Simulate(list), &v.Rows); err != nil {
		return err
	}
	if inForce != nil {
		v.Now = inForce.Digest()
		if err := again(inForce.Simulate(list), &v.Before); err != nil {
			return err
		}
	}
	return a.emitValue(v, func(w io.Writer) error { return a.writeSimulation(w, v.Rows, v.Before) })
}

// casesIn reads cases: of an evidence pack, with the policy that was in force there and what was found when it was verified, or
// of lines of facts, which have neither. Facts may come by standard input, "-".
func (a *app) casesIn(ctx context.Context, file string) (list []policy.Case, inForce *policy.Pack, report *prove.Report, err error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, nil, nil, fileFault(file, err)
		}
		defer f.Close()
		if !looksLikeFacts(f) {
			info, err := f.Stat()
			if err != nil {
				return nil, nil, nil, fileFault(file, err)
			}
			return prove.Cases(ctx, f, info.Size(), prove.Options{})
		}
	}
	raw, err := a.readInput(file)
	if err != nil {
		return nil, nil, nil, err
	}
	list, err = policy.ParseCases(raw)
	return list, nil, nil, err
}

// looksLikeFacts tells lines of JSON from an evidence pack, which begins otherwise. What cannot be read at a place, such as a pipe,
// can only be lines.
func looksLikeFacts(f *os.File) bool {
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return true
	}
	text := bytes.TrimSpace(head[:n])
	return len(text) == 0 || text[0] == '{'
}

func (a *app) writeSimulation(w io.Writer, rows, before []client.SimulateRow) error {
	now := map[string]string{}
	for _, r := range before {
		now[r.ID] = simulated(r)
	}
	t := table{head: []string{"CHANGE", "WOULD DEMAND", "DIFFERS"}, colour: func(i int, cell string) string {
		if i == 2 && cell == "differs" {
			return yellow
		}
		return ""
	}}
	for _, r := range rows {
		differs := ""
		if was, ok := now[r.ID]; ok && was != simulated(r) {
			differs = "differs"
		}
		t.add(r.ID, simulated(r), differs)
	}
	return t.write(w, a.paint(w), "No changes in that period.")
}

func simulated(r client.SimulateRow) string {
	if r.Refused != "" {
		return "refused by " + either(r.Rule, r.Refused)
	}
	var slots []string
	for _, s := range r.Demand.Slots {
		slots = append(slots, fmt.Sprintf("%d %s", s.Min, s.Role))
	}
	return fmt.Sprintf("risk %s: %s", r.Demand.Risk, strings.Join(slots, ", "))
}
