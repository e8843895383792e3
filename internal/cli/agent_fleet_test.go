package cli

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/client"
)

// A key on two machines is said with what to do; an agent that was revoked since is done with.
func TestAKeyOnTwoMachinesIsSaidInTheListOfAgents(t *testing.T) {
	t.Parallel()
	var one, ended, fine client.Agent
	one.Agent.ID, one.Agent.Name, one.Agent.Conflict = "agt_1", "web-1\x1b[2J", 7
	ended.Agent.ID, ended.Agent.Conflict, ended.Agent.Revoked = "agt_2", 7, 8
	fine.Agent.ID = "agt_3"
	got := sharedKeys([]client.Agent{one, ended, fine})
	if len(got) != 1 || !strings.Contains(got[0], "plumb agent revoke agt_1;") || strings.Contains(got[0], "\x1b") {
		t.Errorf("it says %q", got)
	}
}
