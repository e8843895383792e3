package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// slowly makes a command run on a disk whose every sync takes so much longer: strace has the kernel stop the program at each fsync and
// fdatasync, and at nothing else, and lets it go on after the delay. The program itself stays the child that is started.
func slowly(ctx context.Context, delay time.Duration, program string, args ...string) (*exec.Cmd, error) {
	if delay == 0 {
		return exec.CommandContext(ctx, program, args...), nil
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, errors.New("a slower disk needs strace: scripts/setup installs it")
	}
	tracing := []string{"--daemonize", "--follow-forks", "--seccomp-bpf", "--output", "/dev/null", "-e", "trace=fsync,fdatasync",
		"-e", fmt.Sprintf("inject=fsync,fdatasync:delay_enter=%d", delay.Microseconds()), "--", program}
	return exec.CommandContext(ctx, strace, append(tracing, args...)...), nil
}
