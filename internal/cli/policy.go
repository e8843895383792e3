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
	return a.remote("show", "Show the policy in force", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
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
			p := a.page(w)
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
	p := a.page(w)
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
		return a.emit(r.Raw, func(w io.Writer) error { return writeExplained(a.page(w), r.Value, all) })
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
	return a.emitValue(v, func(w io.Writer) error { return writeExplained(a.page(w), v, all) })
}

// again reads a value in another form of the same members.
func again(from, into any) error {
	b, err := marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func writeExplained(p *page, v client.Explained, all bool) error {
	for _, x := range v.Rules {
		if !x.Holds && !all && x.Error == "" {
			continue
		}
		word := p.paint(dim, "no ")
		if x.Holds {
			word = p.paint(green, "yes")
		}
		p.flow(word+" "+p.paint(bold, clean(x.Rule))+"  ", p.paint(dim, clean(x.Clause+": "+x.Title)))
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
		p.printf("\n")
		p.flow(p.paint(red, "refused:")+" ", fmt.Sprintf("%s [%s]", clean(v.Message), clean(v.Refused)))
	case v.Demand != nil:
		var slots []string
		for _, s := range v.Demand.Slots {
			slots = append(slots, fmt.Sprintf("%d %s", s.Min, s.Role))
		}
		p.printf("\n")
		p.flow("", fmt.Sprintf("risk %s; approvals: %s", v.Demand.Risk, clean(join(slots))))
	}
	writeDoubts(p, v)
	return p.err
}

func (a *app) policyHistory() *cobra.Command {
	return a.remote("history", "List every pack that was in force", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
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
	cmd := a.remote("archive", "Write the pack in force as folder, byte for byte", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
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
