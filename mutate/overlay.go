package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Variables by which a test binary is told what is taken away, and where to note which guards said no.
const (
	offVar   = "PLUMB_MUTANT"
	firedVar = "PLUMB_MUTANT_FIRED"
)

// switches is compiled into each package. A guard's switch is only asked once its condition holds, so
// what is noted is exactly the guards that some input met.
const switches = `package %s

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

var (
	plumbGuardsOff = strings.Split(os.Getenv("PLUMB_MUTANT"), ",")
	plumbFiredFile = os.Getenv("PLUMB_MUTANT_FIRED")
	plumbFired     sync.Map
)

func plumbGuardOn(n int) bool {
	if _, seen := plumbFired.LoadOrStore(n, true); !seen && plumbFiredFile != "" {
		if f, err := os.OpenFile(plumbFiredFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			fmt.Fprintln(f, n)
			f.Close()
		}
	}
	return !slices.Contains(plumbGuardsOff, fmt.Sprint(n))
}

func plumbGuardErr(n int, err error) error {
	if err == nil || plumbGuardOn(n) {
		return err
	}
	return nil
}
`

// overlay is the tree with every guard behind its switch.
type overlay struct {
	guards []guard
	dir    string // temporary
	file   string // for go build -overlay
}

// instrument writes a copy of each file that holds guards. scope are package folders or single files.
func instrument(scope []string, dir string) (*overlay, error) {
	o := &overlay{dir: dir, file: filepath.Join(dir, "overlay.json")}
	replace := map[string]string{}
	only := map[string][]string{}
	var order []string
	for _, arg := range scope {
		pkg := filepath.Clean(arg)
		if strings.HasSuffix(pkg, ".go") {
			pkg = filepath.Dir(pkg)
			only[pkg] = append(only[pkg], filepath.Clean(arg))
		}
		if !slices.Contains(order, pkg) {
			order = append(order, pkg)
		}
	}
	for i, pkg := range order {
		before := len(o.guards)
		name, texts, err := find(pkg, only[pkg], &o.guards)
		if err != nil {
			return nil, err
		}
		if len(o.guards) == before {
			return nil, fmt.Errorf("%s: no guards found", pkg)
		}
		texts[filepath.Join(pkg, "plumb_switches.go")] = fmt.Appendf(nil, switches, name)
		for file, text := range texts {
			abs, err := filepath.Abs(file)
			if err != nil {
				return nil, err
			}
			copied := filepath.Join(dir, fmt.Sprintf("%d_%s", i, filepath.Base(file)))
			if err := os.WriteFile(copied, text, 0o600); err != nil {
				return nil, err
			}
			replace[abs] = copied
		}
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return nil, err
	}
	return o, os.WriteFile(o.file, text, 0o600)
}

// build compiles the tests of one package over the overlay.
func (o *overlay) build(ctx context.Context, pkg string) (binary string, err error) {
	binary = filepath.Join(o.dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", o.file, "-o", binary, "./"+pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build tests of %s with switches: %w\n%s", pkg, err, out)
	}
	return binary, nil
}
