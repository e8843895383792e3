package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

func policyCommand(a *app) *cobra.Command {
	return a.group("policy", "The written policy as a pack: read it, check it, try it, change it",
		a.policyShow(), a.policyLint(), a.policyTest(), a.policyExplain(), a.policySimulate(), a.policyHistory(), a.policyArchive(), a.policyActivate())
}

// packFolder finds a pack: a folder, or the name of one that the program ships with.
func packFolder(word string) (fs.FS, error) {
	if info, err := os.Stat(word); err == nil && info.IsDir() {
		return os.DirFS(word), nil
	}
	if files, err := policies.Pack(word); err == nil {
		return files, nil
	}
	return nil, fault.New(fault.Invalid, "no_pack", "%s is neither a folder nor a pack that comes with the program.", clean(word)).FixedBy("you").
		Then("plumb policy lint %s", policies.Default)
}

func packArg(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	if _, err := os.Stat("pack.yaml"); err == nil {
		return "."
	}
	return policies.Default
}

func (a *app) policyShow() *cobra.Command {
	return a.leaf("show", "Show the policy in force", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.Policy(cmd.Context())
		if err != nil {
			return err
		}
		var v struct {
			Name    string        `json:"name"`
			Version string        `json:"version"`
			Title   string        `json:"title"`
			Digest  string        `json:"digest"`
			Rules   []policy.Rule `json:"rules"`
		}
		if err := json.Unmarshal(r.Raw, &v); err != nil {
			return fmt.Errorf("read policy: %w", err)
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			p := &page{w: w, paint: a.paint(w)}
			p.printf("%s\n", p.paint(bold, clean(v.Title)))
			p.item("", fmt.Sprintf("%s %s %s", v.Name, v.Version, v.Digest))
			for _, x := range v.Rules {
				p.printf("\n%s  %s\n", p.paint(bold, clean(x.ID)), p.paint(dim, "clause "+clean(x.Clause)))
				p.item("", x.Text)
				p.item("when", x.When)
			}
			return p.err
		})
	})
}

func (a *app) policyLint() *cobra.Command {
	var people string
	cmd := a.leaf("lint [PACK]", "Check a pack before anybody relies on it; needs no server", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		files, err := packFolder(packArg(args))
		if err != nil {
			return err
		}
		o := policy.LintOptions{Now: a.now()}
		if people != "" {
			raw, err := a.readInput(people)
			if err != nil {
				return err
			}
			if o.People, err = policy.ParsePeople(raw); err != nil {
				return err
			}
		}
		list, err := policy.Lint(files, o)
		if err != nil {
			return err
		}
		if err := a.emitFindings(list, "Nothing is wrong with the pack."); err != nil {
			return err
		}
		if policy.Ready(list) != nil {
			return status(wire.ExitUsage)
		}
		return nil
	})
	cmd.Flags().StringVar(&people, "people", "", "file of people and their roles, to check that each rule can be satisfied")
	return cmd
}

func (a *app) emitFindings(list []policy.Finding, empty string) error {
	return a.emitValue(struct {
		Items []policy.Finding `json:"items"`
	}{list}, func(w io.Writer) error {
		t := table{head: []string{"", "WHERE", "CODE", "WHAT"}, colour: func(i int, cell string) string {
			if i == 0 && cell == string(policy.Error) {
				return red
			}
			return ""
		}}
		for _, f := range list {
			t.add(string(f.Severity), fmt.Sprintf("%s:%d", f.File, f.Line), f.Code, f.Text)
		}
		return t.write(w, a.paint(w), empty)
	})
}

func (a *app) policyTest() *cobra.Command {
	cmd := a.leaf("test [PACK [STORY...]]", "Play the stories of a pack, or the story files that are named", cobra.ArbitraryArgs, func(cmd *cobra.Command, args []string) error {
		files, err := packFolder(packArg(args))
		if err != nil {
			return err
		}
		stories, err := playStories(files, args)
		if err != nil {
			return err
		}
		bad := 0
		for _, s := range stories {
			if !s.OK {
				bad++
			}
		}
		if a.opts.output == "junit" {
			err = a.reportStories(stories)
		} else {
			err = a.emitValue(struct {
				Stories []policy.Story `json:"stories"`
				Failed  int            `json:"failed"`
			}{stories, bad}, func(w io.Writer) error { return a.writeStories(w, stories, bad) })
		}
		switch {
		case err != nil:
			return err
		case len(stories) == 0:
			return fault.New(fault.Invalid, "no_stories", "The pack has no story; a policy that nothing tries proves nothing.").FixedBy("the pack's author").Then("add stories/*.txt")
		case bad > 0:
			return status(wire.ExitMismatch)
		}
		return nil
	}, "junit")
	return cmd
}

func playStories(files fs.FS, args []string) ([]policy.Story, error) {
	if len(args) < 2 {
		return policy.RunStories(files)
	}
	pack, err := policy.Load(files)
	if err != nil {
		return nil, err
	}
	var out []policy.Story
	for _, name := range args[1:] {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			text, err = fs.ReadFile(files, filepath.ToSlash(filepath.Join("stories", name)))
		}
		if err != nil {
			return nil, fileFault(name, err)
		}
		s, err := pack.RunStory(filepath.Base(name), text)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (a *app) writeStories(w io.Writer, list []policy.Story, bad int) error {
	p := &page{w: w, paint: a.paint(w)}
	for _, s := range list {
		word := p.paint(green, "ok  ")
		if !s.OK {
			word = p.paint(red, "FAIL")
		}
		p.printf("%s %s  %s\n", word, clean(s.File), p.paint(dim, clean(s.Title)))
		for _, step := range s.Steps {
			if !step.OK {
				p.printf("     line %d: %s\n           %s\n", step.Line, clean(step.Text), p.paint(red, "got "+clean(step.Got)))
			}
		}
	}
	p.printf("%d stories, %d failed\n", len(list), bad)
	return p.err
}

func (a *app) policyExplain() *cobra.Command {
	var file, pack, facts string
	var all bool
	cmd := a.leaf("explain [CHANGE]", "Say what each rule demands of a change, and why", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		if facts != "" {
			return a.explainOffline(either(pack, packArg(nil)), facts, all)
		}
		if (len(args) == 1) == (file != "") {
			return fault.New(fault.Invalid, "usage", "Name a change, or a request file with -f, or facts with --facts.").FixedBy("you").Then("%s CHG-7", cmd.CommandPath())
		}
		var q client.ExplainRequest
		if file != "" {
			m, err := a.readMaterial(file)
			if err != nil {
				return err
			}
			q.Material = &m
		} else {
			q.Change = args[0]
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.Explain(cmd.Context(), q)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error { return a.writeExplained(w, r.Value, all) })
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "request file that is not filed yet")
	cmd.Flags().StringVar(&facts, "facts", "", "YAML or JSON file of facts, for use without a server")
	cmd.Flags().StringVar(&pack, "pack", "", "pack for --facts: a folder, or the name of one that comes with the program")
	cmd.Flags().BoolVar(&all, "all", false, "also the rules that do not hold")
	return cmd
}

func (a *app) explainOffline(folder, file string, all bool) error {
	files, err := packFolder(folder)
	if err != nil {
		return err
	}
	pack, err := policy.Load(files)
	if err != nil {
		return err
	}
	raw, err := a.readInput(file)
	if err != nil {
		return err
	}
	var f policy.Facts
	if err := decodeFile(file, raw, &f); err != nil {
		return err
	}
	f = pack.Resolve(f)
	rules, err := pack.Explain(f)
	if err != nil {
		return err
	}
	b, err := marshal(struct {
		Policy string               `json:"policy"`
		Rules  []policy.Explanation `json:"rules"`
	}{pack.Digest(), rules})
	if err != nil {
		return err
	}
	var v client.Explained
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if d, err := pack.Demand(f); err != nil {
		v.Refused, v.Message = fault.Of(err).Code, fault.Of(err).Message
	} else if err := again(d, &v.Demand); err != nil {
		return err
	}
	return a.emitValue(v, func(w io.Writer) error { return a.writeExplained(w, v, all) })
}

// again reads a value in another form of the same members.
func again(from, into any) error {
	b, err := marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func (a *app) writeExplained(w io.Writer, v client.Explained, all bool) error {
	p := &page{w: w, paint: a.paint(w)}
	for _, x := range v.Rules {
		if !x.Holds && !all && x.Error == "" {
			continue
		}
		word := p.paint(dim, "no ")
		if x.Holds {
			word = p.paint(green, "yes")
		}
		p.printf("%s %s  %s\n", word, p.paint(bold, clean(x.Rule)), p.paint(dim, clean(x.Clause+": "+x.Title)))
		p.item("", x.Text)
		p.item("when", x.When)
		for _, k := range slices.Sorted(maps.Keys(x.Reads)) {
			p.item("", k+" = "+x.Reads[k])
		}
		p.items("demands", x.Demands)
		p.item("error", x.Error)
	}
	switch {
	case v.Refused != "":
		p.printf("\n%s %s [%s]\n", p.paint(red, "refused:"), clean(v.Message), clean(v.Refused))
	case v.Demand != nil:
		var slots []string
		for _, s := range v.Demand.Slots {
			slots = append(slots, fmt.Sprintf("%d %s", s.Min, s.Role))
		}
		p.printf("\nrisk %s; approvals: %s\n", v.Demand.Risk, clean(join(slots)))
	}
	writeDoubts(p, v)
	return p.err
}

func (a *app) policySimulate() *cobra.Command {
	var cases, from, to string
	cmd := a.leaf("simulate [PACK]", "Say what a pack would have demanded of past changes", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		files, err := packFolder(packArg(args))
		if err != nil {
			return err
		}
		pack, err := policy.Load(files)
		if err != nil {
			return err
		}
		if cases != "" {
			return a.simulateOffline(pack, cases)
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
	cmd.Flags().StringVar(&cases, "cases", "", "file of exported facts, one JSON object a line, for use without a server")
	cmd.Flags().StringVar(&from, "from", "", "begin of the period, else 90 days ago")
	cmd.Flags().StringVar(&to, "to", "", "end of the period, else now")
	return cmd
}

func (a *app) simulateOffline(pack *policy.Pack, file string) error {
	raw, err := a.readInput(file)
	if err != nil {
		return err
	}
	list, err := policy.ParseCases(raw)
	if err != nil {
		return err
	}
	var rows []client.SimulateRow
	if err := again(pack.Simulate(list), &rows); err != nil {
		return err
	}
	return a.emitValue(client.Simulation{Policy: pack.Digest(), Rows: rows}, func(w io.Writer) error { return a.writeSimulation(w, rows, nil) })
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

func (a *app) policyHistory() *cobra.Command {
	return a.leaf("history", "List every pack that was in force", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.PolicyHistory(cmd.Context())
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			t := table{head: []string{"SINCE", "NAME", "VERSION", "BY", "DIGEST"}}
			for _, v := range r.Value.Items {
				t.add(at(v.Since), v.Name, v.Version, v.Change, brief(v.Digest))
			}
			return t.write(w, a.paint(w), "None.")
		})
	})
}

func (a *app) policyArchive() *cobra.Command {
	var out string
	cmd := a.leaf("archive", "Write the pack in force as folder, byte for byte", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		raw, err := c.PolicyArchive(cmd.Context())
		if err != nil {
			return err
		}
		pack, err := policy.LoadArchive(raw)
		if err != nil {
			return err
		}
		if out == "" {
			_, err := a.out.Write(append(raw, '\n'))
			return err
		}
		return a.unpack(pack, out)
	})
	cmd.Flags().StringVar(&out, "dir", "", "new folder to write; else the archive goes to standard output")
	return cmd
}

// unpack writes a pack's files below a new folder and nowhere else.
func (a *app) unpack(pack *policy.Pack, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fileFault(dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range pack.Files() {
		if err := root.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(f.Path, []byte(f.Text), 0o644); err != nil {
			return err
		}
	}
	return a.done("Wrote %s %s, %s, to %s.", clean(pack.Name), clean(pack.Version), pack.Digest(), dir)
}
