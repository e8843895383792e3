package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fault"
)

// sampleMark stands in the data folder of a demo's server and names the folder of the whole demo. The
// server shows it to people, and nothing without it is ever removed.
const sampleMark = "data/sample"

// removeDemo removes a folder that a demo has made, with all that is in it. A ledger cannot forget, so the
// samples are never taken out of it: they go with the whole folder (docs/adr/0013).
func (a *app) removeDemo(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	mark, err := os.ReadFile(filepath.Join(dir, sampleMark))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && string(mark) != dir+"\n":
		return fault.New(fault.Invalid, "no_demo", "That folder does not hold a demo; nothing was removed.").FixedBy("you").
			Then("name the folder that plumb demo --keep had")
	case err != nil:
		return fileFault(dir, err)
	case answers(filepath.Join(dir, "ready.json")):
		return fault.New(fault.Conflict, "demo_running", "The demo in that folder still runs; nothing was removed.").FixedBy("you").
			Then("stop it with Ctrl-C, then plumb demo --remove %s", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove demo: %w", err)
	}
	a.note("The demo in %s is removed, with all that was recorded in it.", dir)
	return nil
}

// answers reports whether the server of a ready file takes connections.
func answers(ready string) bool {
	b, err := os.ReadFile(ready)
	if err != nil {
		return false
	}
	var at struct {
		URL string `json:"url"`
		PID int    `json:"pid"`
	}
	if json.Unmarshal(b, &at) != nil {
		return false
	}
	u, err := url.Parse(at.URL)
	if err != nil {
		return false
	}
	c, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
