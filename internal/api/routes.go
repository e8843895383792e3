package api

import (
	"net/http"

	"plumbline.dev/plumb/internal/directory"
)

// The methods of the table.
const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// routes is the one table of everything that can be asked of this server. What is not here cannot be
// asked; what has no Need and is not Open keeps the server from starting.
func routes() []Route {
	var all []Route
	for _, part := range [][]Route{entryRoutes(), peopleRoutes(), changeRoutes(), gateRoutes(), policyRoutes(), recordRoutes(), hookRoutes(), treeRoutes(), inventoryRoutes(), agentRoutes(), findingRoutes(), campaignRoutes(), diagramRoutes()} {
		for _, r := range part {
			if r.Tag != "Ledger tree" {
				r.Path = Base + r.Path
			}
			all = append(all, r)
		}
	}
	return all
}

// entryRoutes are how somebody comes in.
func entryRoutes() []Route {
	const tag = "Coming in"
	return []Route{
		{Method: get, Path: "/setup", Open: true, Tag: tag, Summary: "Say whether the first-start ceremony is done", bind: answers((*API).setupState)},
		{Method: post, Path: "/setup", Open: true, Tag: tag, Status: 201, Summary: "Hold the first-start ceremony", bind: answers((*API).setUp)},
		{Method: post, Path: "/login", Open: true, Tag: tag, Summary: "Open a session", bind: answers((*API).login)},
		{Method: post, Path: "/logout", Need: directory.TokensOwn, Tag: tag, Summary: "End this session", bind: answers((*API).logout)},
		{Method: get, Path: "/me", Need: directory.ChangeRead, Tag: tag, Summary: "Say who I am and what I may", bind: answers((*API).me)},
		{Method: post, Path: "/me/password", Need: directory.TokensOwn, Repeats: byAnswer, Tag: tag, Summary: "Change my password", bind: answers((*API).changePassword)},
		{Method: get, Path: "/sessions", Need: directory.TokensOwn, Tag: tag, Summary: "List live sessions", bind: answers((*API).listSessions)},
		{Method: del, Path: "/sessions/{id}", Need: directory.TokensOwn, Repeats: byAnswer, Tag: tag, Summary: "End a session", bind: answers((*API).endSession)},
		{Method: get, Path: "/tokens", Need: directory.TokensOwn, Tag: tag, Summary: "List API tokens", bind: answers((*API).listTokens)},
		{Method: post, Path: "/tokens", Need: directory.TokensOwn, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Make an API token", bind: answers((*API).makeToken)},
		{Method: del, Path: "/tokens/{id}", Need: directory.TokensOwn, Repeats: byAnswer, Tag: tag, Summary: "Revoke an API token", bind: answers((*API).revokeToken)},
		{Method: get, Path: "/repository-key", Need: directory.RepoKeyUse, Tag: tag, Summary: "Give a repository's key to a token bound to it", bind: answers((*API).repositoryKey)},
	}
}

// peopleRoutes are about who is who and holds what.
func peopleRoutes() []Route {
	const tag = "People"
	const manage, read = directory.PeopleManage, directory.PeopleRead
	return []Route{
		{Method: get, Path: "/people", Need: read, Tag: tag, Summary: "List people", bind: answers((*API).listPeople)},
		{Method: post, Path: "/people", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Add a person", bind: answers((*API).addPerson)},
		{Method: get, Path: "/people/{id}", Need: read, Tag: tag, Summary: "Show a person", bind: answers((*API).showPerson)},
		{Method: patch, Path: "/people/{id}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Edit a person", bind: answers((*API).editPerson)},
		{Method: post, Path: "/people/{id}/disable", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Shut a person out at once", bind: answers((*API).disablePerson)},
		{Method: post, Path: "/people/{id}/enable", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Let a person come in again", bind: answers((*API).enablePerson)},
		{Method: post, Path: "/people/{id}/reset-password", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Give a one-time code in place of a password", bind: answers((*API).resetPassword)},
		{Method: post, Path: "/people/{id}/vouch", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Vouch that an account is its person's", bind: answers((*API).vouch)},
		{Method: post, Path: "/people/{id}/accounts", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Add a further account", bind: answers((*API).addAccount)},
		{Method: get, Path: "/people/{id}/sessions", Need: directory.TokensOwn, Tag: tag, Summary: "List a person's sessions", bind: answers((*API).personSessions)},
		{Method: post, Path: "/accounts/{id}/end", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "End an account for good", bind: answers((*API).endAccount)},
		{Method: get, Path: "/groups", Need: read, Tag: tag, Summary: "List groups", bind: answers((*API).listGroups)},
		{Method: post, Path: "/groups", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Make a group", bind: answers((*API).addGroup)},
		{Method: del, Path: "/groups/{id}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Drop an empty group", bind: answers((*API).dropGroup)},
		{Method: put, Path: "/groups/{id}/members/{member}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Give a place in a group", bind: answers((*API).joinGroup)},
		{Method: del, Path: "/groups/{id}/members/{member}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Take a place in a group", bind: answers((*API).leaveGroup)},
		{Method: get, Path: "/roles", Need: read, Tag: tag, Summary: "List roles and who holds them", bind: answers((*API).listRoles)},
		{Method: put, Path: "/roles/{role}/holders/{holder}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Grant a role that cannot approve", bind: answers((*API).grantRole)},
		{Method: del, Path: "/roles/{role}/holders/{holder}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Revoke a role that cannot approve", bind: answers((*API).revokeRole)},
		{Method: get, Path: "/service-accounts", Need: read, Tag: tag, Summary: "List service accounts", bind: answers((*API).listServices)},
		{Method: post, Path: "/service-accounts", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Make a service account", bind: answers((*API).addService)},
		{Method: patch, Path: "/service-accounts/{id}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Say what a service account is for", bind: answers((*API).editService)},
		{Method: post, Path: "/service-accounts/{id}/owner", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Give a service account another owner", bind: answers((*API).moveService)},
		{Method: post, Path: "/service-accounts/{id}/disable", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "End a service account", bind: answers((*API).endAccount)},
	}
}

// changeRoutes are about changes and what belongs to them.
func changeRoutes() []Route {
	const tag = "Changes"
	const read, file, decide = directory.ChangeRead, directory.ChangeFile, directory.ChangeDecide
	return []Route{
		{Method: get, Path: "/changes", Need: read, Tag: tag, Summary: "List changes, newest first", bind: answers((*API).listChanges)},
		{Method: post, Path: "/changes", Need: file, Repeats: byChange, Tag: tag, Status: 201, Summary: "File a change", bind: answers((*API).fileChange)},
		{Method: get, Path: "/changes/waiting", Need: read, Tag: tag, Summary: "List what waits for me", bind: answers((*API).waiting)},
		{Method: get, Path: "/changes/{id}", Need: read, Tag: tag, Summary: "Show a change", bind: answers((*API).showChange)},
		{Method: put, Path: "/changes/{id}", Need: file, Repeats: byChange, Tag: tag, Summary: "Write a new revision", bind: answers((*API).editChange)},
		{Method: post, Path: "/changes/{id}/submit", Need: file, Repeats: byChange, Tag: tag, Summary: "Hand a draft to the policy", bind: answers((*API).submitChange)},
		{Method: post, Path: "/changes/{id}/approve", Need: decide, Repeats: byChange, Tag: tag, Summary: "Approve the revision that one saw", bind: answers((*API).approveChange)},
		{Method: post, Path: "/changes/{id}/reject", Need: decide, Repeats: byChange, Tag: tag, Summary: "Reject the revision that one saw", bind: answers((*API).rejectChange)},
		{Method: post, Path: "/changes/{id}/withdraw", Need: decide, Repeats: byChange, Tag: tag, Summary: "Take one's own approval back", bind: answers((*API).withdrawApproval)},
		{Method: post, Path: "/changes/{id}/cancel", Need: file, Repeats: byChange, Tag: tag, Summary: "End a change before it ran", bind: answers((*API).cancelChange)},
		{Method: post, Path: "/changes/{id}/hold", Need: decide, Repeats: byChange, Tag: tag, Summary: "Keep a change from starting", bind: answers((*API).holdChange)},
		{Method: post, Path: "/changes/{id}/release", Need: decide, Repeats: byChange, Tag: tag, Summary: "End a hold", bind: answers((*API).releaseChange)},
		{Method: post, Path: "/changes/{id}/schedule", Need: file, Repeats: byChange, Tag: tag, Summary: "Pick a slot in the approved window", bind: answers((*API).scheduleChange)},
		{Method: post, Path: "/changes/{id}/acknowledge", Need: decide, Repeats: byChange, Tag: tag, Summary: "Accept a conflict", bind: answers((*API).acknowledgeConflict)},
		{Method: post, Path: "/changes/{id}/verify", Need: decide, Repeats: byChange, Tag: tag, Summary: "Say whether the result is right", bind: answers((*API).verifyChange)},
		{Method: post, Path: "/changes/{id}/close", Need: decide, Repeats: byChange, Tag: tag, Summary: "Close a change with its review", bind: answers((*API).closeChange)},
		{Method: post, Path: "/changes/{id}/apply", Need: decide, Repeats: byDesk, Tag: tag, Summary: "Execute a change to Plumbline itself", bind: answers((*API).applyChange)},
		{Method: post, Path: "/changes/{id}/comments", Need: file, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Add a comment", bind: answers((*API).addComment)},
		{Method: get, Path: "/changes/{id}/revisions", Need: read, Tag: tag, Summary: "List revisions", bind: answers((*API).revisions)},
		{Method: get, Path: "/changes/{id}/diff", Need: read, Tag: tag, Summary: "Compare two revisions", bind: answers((*API).diff)},
		{Method: get, Path: "/changes/{id}/timeline", Need: read, Tag: tag, Summary: "Tell a change's story from the ledger", bind: answers((*API).timeline)},
		{Method: get, Path: "/changes/{id}/permits", Need: read, Tag: tag, Summary: "List permits with their envelopes", bind: answers((*API).permits)},
		{Method: post, Path: "/changes/{id}/evidence", Need: directory.EvidenceAdd, Body: maxDocument, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Add evidence", bind: answers((*API).addEvidence)},
		{Method: post, Path: "/documents", Need: file, Body: maxDocument, Tag: tag, Status: 201, Summary: "Send a document for a change to name", bind: answers((*API).addDocument)},
		{Method: get, Path: "/documents/{digest}", Need: read, Gives: octets, Tag: tag, Summary: "Fetch a document", bind: answers((*API).document)},
		{Method: get, Path: "/metrics/changes", Need: read, Tag: tag, Summary: "Measure the changes of a period", bind: answers((*API).measure)},
	}
}

// gateRoutes are what pipelines ask.
func gateRoutes() []Route {
	const tag = "Gate"
	return []Route{
		{Method: post, Path: "/gate/check", Need: directory.GateUse, Tag: tag, Summary: "Say what the gate would answer", bind: answers((*API).checkGate)},
		{Method: post, Path: "/gate/open", Need: directory.GateUse, Repeats: byDesk, Tag: tag, Summary: "Decide, and release one execution", bind: answers((*API).openGate)},
		{Method: post, Path: "/gate/close", Need: directory.GateUse, Repeats: byChange, Tag: tag, Summary: "Report how an execution ended", bind: answers((*API).closeGate)},
		{Method: post, Path: "/gate/renew", Need: directory.GateUse, Tag: tag, Summary: "Prolong a run", bind: answers((*API).renewLease)},
		{Method: get, Path: "/gate/wait", Need: directory.GateUse, Slow: true, Tag: tag, Summary: "Wait until something happens to a change", bind: answers((*API).waitGate)},
	}
}

// policyRoutes are about the rules and the calendar.
func policyRoutes() []Route {
	const tag = "Policy"
	const read = directory.PolicyRead
	return []Route{
		{Method: get, Path: "/policy", Need: read, Tag: tag, Summary: "Show the policy in force", bind: answers((*API).showPolicy)},
		{Method: get, Path: "/policy/archive", Need: read, Tag: tag, Summary: "Fetch the policy in force, byte for byte", bind: answers((*API).policyArchive)},
		{Method: get, Path: "/policy/history", Need: read, Tag: tag, Summary: "List every policy that was in force", bind: answers((*API).policyHistory)},
		{Method: post, Path: "/policy/explain", Need: read, Tag: tag, Summary: "Explain what the policy demands, rule by rule", bind: answers((*API).explainPolicy)},
		{Method: post, Path: "/policy/simulate", Need: read, Body: maxDocument / 10, Tag: tag, Summary: "Try a policy on past changes", bind: answers((*API).simulatePolicy)},
		{Method: get, Path: "/models", Need: read, Tag: tag, Summary: "List standard models", bind: answers((*API).listModels)},
		{Method: get, Path: "/windows", Need: read, Tag: tag, Summary: "List windows and freezes that are not over", bind: answers((*API).listWindows)},
		{Method: post, Path: "/windows", Need: directory.ChangeDecide, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Declare a window or freeze", bind: answers((*API).setWindow)},
		{Method: post, Path: "/windows/preview", Need: read, Tag: tag, Summary: "List the changes that a window or freeze would reach", bind: answers((*API).previewWindow)},
		{Method: post, Path: "/windows/{id}/lift", Need: directory.ChangeDecide, Repeats: byAnswer, Tag: tag, Summary: "End a window or freeze early", bind: answers((*API).liftWindow)},
	}
}

// recordRoutes are about the ledger and what leaves for auditors.
func recordRoutes() []Route {
	const tag = "Record"
	const read = directory.LedgerRead
	return []Route{
		{Method: get, Path: "/ledger/events", Need: read, Tag: tag, Summary: "Read events", bind: answers((*API).listEvents)},
		{Method: get, Path: "/ledger/proof/{seq}", Need: read, Tag: tag, Summary: "Prove that an event is in the tree", bind: answers((*API).proof)},
		{Method: get, Path: "/ledger/consistency", Need: read, Tag: tag, Summary: "Prove that one tree continues another", bind: answers((*API).consistency)},
		{Method: get, Path: "/keys", Need: directory.ChangeRead, Tag: tag, Summary: "Show the public keys", bind: answers((*API).keys)},
		{Method: post, Path: "/export", Need: directory.Export, Gives: packType, Slow: true, Tag: tag, Summary: "Write an evidence pack", bind: answers((*API).export)},
	}
}

// hookRoutes are about webhooks.
func hookRoutes() []Route {
	const tag = "Webhooks"
	const manage = directory.WebhooksManage
	return []Route{
		{Method: get, Path: "/webhooks", Need: manage, Tag: tag, Summary: "List webhooks", bind: answers((*API).listHooks)},
		{Method: post, Path: "/webhooks", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Make a webhook", bind: answers((*API).addHook)},
		{Method: del, Path: "/webhooks/{id}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "End a webhook", bind: answers((*API).endHook)},
		{Method: post, Path: "/webhooks/{id}/replay", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Deliver again from an event on", bind: answers((*API).replayHook)},
		{Method: get, Path: "/webhooks/{id}/deliveries", Need: manage, Tag: tag, Summary: "List deliveries, newest first", bind: answers((*API).deliveries)},
	}
}

// treeRoutes are the ledger's tree as the C2SP protocol has it, outside of the API's base.
func treeRoutes() []Route {
	const tag = "Ledger tree"
	return []Route{
		{Method: get, Path: "/ledger/checkpoint", Open: true, Gives: "text/plain", Tag: tag, Summary: "Give the newest signed checkpoint", bind: answers((*API).checkpoint)},
		{Method: get, Path: "/ledger/tile/{path...}", Need: directory.LedgerRead, Gives: octets, Tag: tag, Summary: "Give a tile", bind: answers((*API).tile)},
	}
}
