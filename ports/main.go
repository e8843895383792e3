// Command ports asks whether the program compiles for systems that nothing here runs on: people's
// machines. It reads the sources as the compiler would for each of them, and checks their types; it makes
// no machine code, which is most of what compiling costs. Our own module is checked whole; of its
// dependencies only what they declare, for what stands in their functions is their own tests' affair.
//
//	go run ./ports windows/amd64 darwin/arm64
//
// What does not compile is named as the compiler would name it, and the exit status is 1; 2 says that
// nothing could be checked.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

// patterns are the packages that must compile everywhere; what they import is checked with them.
var patterns = []string{"./cmd/...", "./internal/..."}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := check(ctx, ".", os.Args[1:])
	var wrong *notCompiling
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "ports:", err)
		os.Exit(2)
	}
}

// notCompiling is what is wrong for one system, one line each, package by package.
type notCompiling struct {
	system string
	lines  []string
}

func (e *notCompiling) Error() string {
	return strings.Join(e.lines, "\n") + "\nports: it does not compile for " + e.system
}

// check checks the module in dir for each system, such as windows/amd64. What is wrong for one of them
// is a *notCompiling; all of them are looked at.
func check(ctx context.Context, dir string, systems []string) error {
	if len(systems) == 0 {
		return errors.New("usage: ports GOOS/GOARCH…")
	}
	read := newReader()
	var errs []error
	for _, system := range systems {
		goos, goarch, ok := strings.Cut(system, "/")
		if !ok {
			return fmt.Errorf("%q is no GOOS/GOARCH", system)
		}
		list, err := listed(ctx, dir, goos, goarch)
		if err != nil {
			return err
		}
		lines, err := typed(dir, goarch, list, read)
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			errs = append(errs, &notCompiling{system, lines})
		}
	}
	return errors.Join(errs...)
}
