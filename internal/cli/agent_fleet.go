package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
)

func (a *app) agentToken() *cobra.Command {
	var n client.NewAgentToken
	var life time.Duration
	var out string
	cmd := a.remote("token", "Make a token by which one host enrols; its secret is shown this once", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		n.Minutes = int64(life / time.Minute)
		r, err := c.MakeAgentToken(cmd.Context(), n)
		if err != nil {
			return err
		}
		until := at(r.Value.Token.Expires)
		if out == "" {
			return a.emit(r.Raw, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, r.Value.Secret)
				a.note("Enrolment token %s, for one host, until %s. It is shown this once.", r.Value.Token.ID, until)
				return err
			})
		}
		if err := writeSecretFile(out, r.Value.Secret); err != nil {
			return err
		}
		return a.emitValue(r.Value.Token, sentence("Enrolment token %s is in %s, until "+until+".", r.Value.Token.ID, out))
	})
	f := cmd.Flags()
	f.StringVar(&n.Note, "note", "", "for which host it is")
	f.DurationVar(&life, "life", 24*time.Hour, "how long it lives; 336h at most")
	f.StringVar(&out, "out", "", "write the secret to this file (mode 0600) instead of the terminal")
	return cmd
}

func (a *app) agentTokens() *cobra.Command {
	return a.remote("tokens", "List enrolment tokens", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), 0, c.AgentTokens)
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"FOR", "STATE", "EXPIRES", "AGENT", "ID"}}
			for _, x := range list {
				state := "open"
				switch {
				case x.Used > 0:
					state = "used"
				case x.Revoked > 0:
					state = "revoked"
				case x.Expires <= a.now().UnixMicro():
					state = "expired"
				}
				t.add(either(x.Note, "-"), state, at(x.Expires), either(x.Agent, "-"), x.ID)
			}
			return t.write(w, a.paint(w), "No enrolment tokens.")
		})
	})
}

func (a *app) agentRevokeToken() *cobra.Command {
	return a.remote("revoke-token TOKEN", "End an enrolment token that nobody used", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.RevokeAgentToken(cmd.Context(), args[0]); err != nil {
			return err
		}
		return a.done("Ended the enrolment token %s.", clean(args[0]))
	})
}

func (a *app) agentList() *cobra.Command {
	return a.remote("list", "List agents, when they were heard, and whose clock is wrong", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), 0, c.Agents)
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"HOST", "STATE", "HEARD", "CLOCK", "ID"}}
			for _, x := range list {
				skew := (time.Duration(x.Presence.Skew) * time.Microsecond).Round(time.Second)
				t.add(x.Agent.Name, agentState(x), a.ago(x.Presence.Seen), skew.String(), x.Agent.ID)
			}
			for _, note := range sharedKeys(list) {
				a.note("%s", note)
			}
			return t.write(w, a.paint(w), "No agents.")
		})
	})
}

// sharedKeys says of each agent whose key two machines have what is to be done.
func sharedKeys(list []client.Agent) (out []string) {
	for _, x := range list {
		if agentState(x) == keyShared {
			out = append(out, fmt.Sprintf("Two machines report with the key of %s, so neither is believed. Next: plumb agent revoke %s; then plumb agent token, for each of them.",
				clean(x.Agent.Name), x.Agent.ID))
		}
	}
	return out
}

// keyShared is the state of an agent whose key two machines have.
const keyShared = "key shared"

func agentState(x client.Agent) string {
	switch {
	case x.Agent.Revoked > 0:
		return "revoked"
	case x.Agent.Conflict > 0:
		return keyShared
	case x.Presence.Root == "":
		return "enrolled"
	case x.Presence.Root != x.Presence.Taken:
		return "reported"
	}
	return "in the inventory"
}

func (a *app) agentRevoke() *cobra.Command {
	var reason string
	cmd := a.remote("revoke AGENT", "End an agent: nothing that its key signs is taken any more", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.RevokeAgent(cmd.Context(), args[0], reason); err != nil {
			return err
		}
		return a.done("Ended the agent %s.", clean(args[0]))
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}
