package cli

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/server"
)

// serveVariable is where a setting comes from in the environment. PLUMB_URL is the client's word for
// which server to ask, so the server's own address has another.
func serveVariable(key string) string {
	if key == "url" {
		return "PLUMB_SERVE_URL"
	}
	return "PLUMB_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

func serveCommand(a *app) *cobra.Command {
	var show bool
	keys := server.Keys()
	cmd := a.leaf("serve", "Run the server: API, gate, ledger", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd, keys)
		if err != nil {
			return err
		}
		if show {
			return cfg.Print(a.out)
		}
		if _, set := a.env("GOGC"); !set {
			debug.SetGCPercent(300) // a small heap that is collected a third as often: measured by make bench
		}
		cfg.Terminal, cfg.Build = a.err, version()
		s, err := server.Open(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		a.note("Serving on %s.", s.URL())
		return s.Run(cmd.Context())
	})
	var help strings.Builder
	help.WriteString("Runs the server until it is told to stop. Each setting is a flag, or a variable of the environment:\n\n")
	for _, k := range keys {
		fmt.Fprintf(&help, "  %-24s %s\n", serveVariable(k.Name), k.Usage)
		if k.Name == "url" {
			cmd.Flags().String(k.Name, "", k.Usage) // not the client's flag of the same name
			continue
		}
		if k.Switch {
			cmd.Flags().Bool(k.Name, k.Default == "true", k.Usage)
			continue
		}
		cmd.Flags().String(k.Name, k.Default, k.Usage)
	}
	cmd.Long = help.String()
	cmd.Flags().BoolVar(&show, "print-config", false, "print the settings, secrets as three stars, and end")
	return cmd
}

// settings are the defaults, the environment, and the flags, the later winning.
func (a *app) settings(cmd *cobra.Command, keys []server.Key) (server.Config, error) {
	cfg := server.Default()
	for _, k := range keys {
		value, set := a.env(serveVariable(k.Name))
		if f := cmd.Flags().Lookup(k.Name); f != nil && f.Changed {
			value, set = f.Value.String(), true
			if k.Secret {
				a.warnPassword(k.Name, value)
			}
		}
		if !set {
			continue
		}
		if err := cfg.Set(k.Name, value); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

// warnPassword: who sees the list of processes sees a flag's value.
func (a *app) warnPassword(name, value string) {
	_, rest, _ := strings.Cut(value, "://")
	user, _, _ := strings.Cut(rest, "@")
	if _, password, ok := strings.Cut(user, ":"); ok && password != "" {
		a.note("Warning: a password in --%s can be read in the list of processes; use %s.", name, serveVariable(name))
	}
}

func apiCommand(a *app) *cobra.Command {
	return a.leaf("api", "Say where the API is described", cobra.NoArgs, func(*cobra.Command, []string) error {
		url, err := a.address()
		if err != nil {
			return err
		}
		if url == "" {
			return fault.New(fault.Invalid, "no_url", "No server is named.").FixedBy("you").Then("export PLUMB_URL=https://plumb.example.com")
		}
		return a.emitValue(struct {
			Docs    string `json:"docs"`
			OpenAPI string `json:"openapi"`
			Base    string `json:"base"`
		}{url + "/docs", url + "/openapi.json", url + "/api/v1"}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "Docs     %s/docs\nOpenAPI  %s/openapi.json\nBase     %s/api/v1\n", url, url, url)
			return err
		})
	})
}

func completionCommand(a *app) *cobra.Command {
	cmd := a.leaf("completion bash|zsh|fish", "Print the completion script of a shell", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		root := cmd.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(a.out, true)
		case "zsh":
			return root.GenZshCompletion(a.out)
		case "fish":
			return root.GenFishCompletion(a.out, true)
		}
		return fault.New(fault.Invalid, "usage", "There is no completion for %s.", clean(args[0])).FixedBy("you").Then("plumb completion bash > /etc/bash_completion.d/plumb")
	})
	cmd.ValidArgs = []string{"bash", "zsh", "fish"}
	return cmd
}
