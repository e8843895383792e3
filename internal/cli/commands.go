package cli

import "github.com/spf13/cobra"

// commandGroups is the one table of the commands, in the order of the help.
var commandGroups = []commandGroup{
	{"work", "Changes and the gate:", []func(*app) *cobra.Command{changeCommand, gateCommand, evidenceCommand, planCommand, documentCommand, accessCommand}},
	{"people", "Coming in, and people:", []func(*app) *cobra.Command{setupCommand, loginCommand, logoutCommand, whoamiCommand, passwordCommand,
		peopleCommand, groupsCommand, rolesCommand, serviceCommand, tokenCommand, sessionCommand}},
	{"rules", "Policy and calendar:", []func(*app) *cobra.Command{policyCommand, modelCommand, freezeCommand, windowCommand}},
	{"proof", "Record and proof:", []func(*app) *cobra.Command{ledgerCommand, verifyCommand, keysCommand, metricsCommand}},
	{"server", "Server and program:", []func(*app) *cobra.Command{serveCommand, demoCommand, webhookCommand, apiCommand, completionCommand, versionCommand, exitTopic}},
}
