package cli

import "github.com/spf13/cobra"

// commandGroup is one paragraph of the help.
type commandGroup struct {
	id, title string
	commands  []command
}

// command is a command of the first level by its name, and how it is made. They are made by need,
// because every gate call of a pipeline is a start from cold.
type command struct {
	name string
	make func(*app) *cobra.Command
}

// commandGroups is the one table of the commands, in the order of the help.
var commandGroups = []commandGroup{
	{"work", "Changes and the gate:", []command{
		{"waiting", waitingCommand}, {"change", changeCommand}, {"gate", gateCommand}, {"evidence", evidenceCommand}, {"plan", planCommand},
		{"document", documentCommand}, {"access", accessCommand},
	}},
	{"people", "Coming in, and people:", []command{
		{"setup", setupCommand}, {"login", loginCommand}, {"logout", logoutCommand}, {"whoami", whoamiCommand},
		{"password", passwordCommand}, {"people", peopleCommand}, {"groups", groupsCommand}, {"roles", rolesCommand},
		{"service-account", serviceCommand}, {"token", tokenCommand}, {"session", sessionCommand},
	}},
	{"rules", "Policy and calendar:", []command{
		{"policy", policyCommand}, {"model", modelCommand}, {"freeze", freezeCommand}, {"window", windowCommand},
	}},
	{"things", "What production is:", []command{
		{"asset", assetCommand}, {"source", sourceCommand}, {"reconcile", reconcileCommand}, {"campaign", campaignCommand}, {"diagram", diagramCommand},
	}},
	{"proof", "Record and proof:", []command{
		{"ledger", ledgerCommand}, {"verify", verifyCommand}, {"keys", keysCommand}, {"metrics", metricsCommand},
	}},
	{"server", "Server and program:", []command{
		{"serve", serveCommand}, {"agent", agentCommand}, {"demo", demoCommand}, {"webhook", webhookCommand}, {"api", apiCommand},
		{"completion", completionCommand}, {"version", versionCommand}, {"exit-codes", exitTopic},
	}},
}

// called gives what of the table args can call: the one command that they begin with, or else all, for
// help, completion and whoever mistypes a name.
func called(args []string) []commandGroup {
	if len(args) == 0 {
		return commandGroups
	}
	for _, g := range commandGroups {
		for _, c := range g.commands {
			if c.name == args[0] {
				return []commandGroup{{g.id, g.title, []command{c}}}
			}
		}
	}
	return commandGroups
}
