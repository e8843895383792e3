package cli

import (
	"path/filepath"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// tfCommand is a command line of terraform or tofu that was understood completely; anything else is
// refused, because a flag that is not understood could change what runs.
type tfCommand struct {
	program string
	chdir   string
	flags   []string // of apply, as they were written
	plan    string   // the saved plan, relative to chdir
}

// tfFlags are the flags of apply that change nothing about what a saved plan does; true for those with a
// value.
var tfFlags = map[string]bool{"auto-approve": false, "compact-warnings": false, "concise": false, "input": false, "json": false,
	"lock": false, "no-color": false, "consolidate-warnings": false, "consolidate-errors": false,
	"lock-timeout": true, "parallelism": true, "var": true, "var-file": true}

// parseTerraform reads terraform [-chdir=DIR] apply [flags] PLANFILE. It refuses an apply that would
// make its plan only then, for nobody has approved that one.
func parseTerraform(argv []string) (tfCommand, error) {
	c := tfCommand{program: argv[0]}
	rest := argv[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		name, value, _ := strings.Cut(strings.TrimLeft(rest[0], "-"), "=")
		if name != "chdir" || value == "" || c.chdir != "" {
			return c, refuseTerraform("The option %s before the subcommand is not understood.", clean(rest[0]))
		}
		c.chdir, rest = value, rest[1:]
	}
	if len(rest) == 0 || rest[0] != "apply" {
		return c, refuseTerraform("Only apply of a saved plan runs under a permit of a Terraform plan.")
	}
	rest = rest[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "-" {
		name, _, hasValue := strings.Cut(strings.TrimLeft(rest[0], "-"), "=")
		takesValue, known := tfFlags[name]
		switch {
		case !known:
			return c, refuseTerraform("The flag -%s is not one that leaves a saved plan as it is.", clean(name))
		case !takesValue || hasValue:
			c.flags, rest = append(c.flags, rest[0]), rest[1:]
		case len(rest) < 2:
			return c, refuseTerraform("The flag -%s lacks its value.", clean(name))
		default:
			c.flags, rest = append(c.flags, rest[0], rest[1]), rest[2:]
		}
	}
	if len(rest) != 1 {
		return c, refuseTerraform("There must be exactly one saved plan after the flags, and nothing else.")
	}
	c.plan = rest[0]
	return c, nil
}

func refuseTerraform(format string, args ...any) error {
	return fault.New(fault.Invalid, "not_a_saved_plan", format, args...).Because("terraform", "policy statement (b)").FixedBy("you").
		Then("terraform plan -out=tfplan; plumb gate run CHANGE -- terraform apply tfplan")
}

// file is where the plan is, seen from here.
func (c tfCommand) file() string {
	if c.chdir == "" || filepath.IsAbs(c.plan) {
		return c.plan
	}
	return filepath.Join(c.chdir, c.plan)
}

// argv is the command line that runs: the private copy, machine-readable, asking nobody anything.
func (c tfCommand) argv(program, copied string) []string {
	out := []string{program}
	if c.chdir != "" {
		out = append(out, "-chdir="+c.chdir)
	}
	out = append(out, "apply", "-json", "-input=false")
	for _, f := range c.flags {
		if name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "="); name != "json" && name != "input" {
			out = append(out, f)
		}
	}
	return append(out, copied)
}
