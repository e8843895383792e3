//go:build unix

package cli

import (
	"os"
	"os/exec"
	"syscall"
)

// forwarder passes a signal on to a command.
type forwarder func(*exec.Cmd, os.Signal)

// ownGroup puts a command in a process group of its own, so that the terminal's interrupt reaches it
// once, through us, and not twice: Terraform takes a second one as an order to drop everything.
func ownGroup(cmd *exec.Cmd, own bool) {
	if own {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
}

// forwardLeader signals the command alone; it looks after its children.
func forwardLeader(cmd *exec.Cmd, s os.Signal) { send(cmd.Process.Pid, s) }

// forwardAll signals the command's whole group.
func forwardAll(cmd *exec.Cmd, s os.Signal) { send(-cmd.Process.Pid, s) }

// forwardTerminal leaves the terminal's own signals alone: the command got them already.
func forwardTerminal(cmd *exec.Cmd, s os.Signal) {
	if s != os.Interrupt {
		send(cmd.Process.Pid, s)
	}
}

func send(pid int, s os.Signal) {
	if sig, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(pid, sig) // it may have ended by itself
	}
}

// exitStatus is a command's status; after a signal 128 and its number, as a shell has it.
func exitStatus(p *os.ProcessState) int {
	if w, ok := p.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return p.ExitCode()
}
