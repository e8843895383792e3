//go:build unix

package cli_test

import "syscall"

const terminate = syscall.SIGTERM
