//go:build !unix

package cli

import (
	"os"
	"os/exec"
)

// forwarder passes a signal on to a command.
type forwarder func(*exec.Cmd, os.Signal)

// ownGroup does nothing here: console signals reach the command by themselves.
func ownGroup(*exec.Cmd, bool) {}

// forwardLeader does nothing here.
func forwardLeader(*exec.Cmd, os.Signal) {}

// forwardAll does nothing here.
func forwardAll(*exec.Cmd, os.Signal) {}

// forwardTerminal does nothing here.
func forwardTerminal(*exec.Cmd, os.Signal) {}

// exitStatus is a command's status.
func exitStatus(p *os.ProcessState) int { return max(p.ExitCode(), 0) }
