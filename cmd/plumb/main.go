// Command plumb is Plumbline: server, gate and command line in one program.
package main

import (
	"os"

	"plumbline.dev/plumb/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
