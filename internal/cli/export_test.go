package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Undocumented lists the commands and flags that do not say what they are for.
func Undocumented() error {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv, now: time.Now}
	var errs []error
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" {
			errs = append(errs, fmt.Errorf("%s says nothing", c.CommandPath()))
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				errs = append(errs, fmt.Errorf("%s --%s says nothing", c.CommandPath(), f.Name))
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.root(commandGroups))
	return errors.Join(errs...)
}
