package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// A person decides on what they read. So change show and change diff keep, beside the session, which
// revision was shown last, and a decision is refused when the change was reworded since.

func (a *app) seenFile(c *client.Client, id string) (string, error) {
	dir, err := a.stateDir()
	name := strings.TrimPrefix(seal.Digest("plumb.seen.v1", []byte(c.URL()+"\n"+id)), "sha256:")
	return filepath.Join(dir, "seen", name[:32]), err
}

// markSeen remembers the revision that is on the screen. Where nothing can be kept there is nothing to
// compare with later; the server's own check stays.
func (a *app) markSeen(c *client.Client, v client.View) {
	path, err := a.seenFile(c, v.Change.ID)
	if err == nil {
		err = writePrivate(path, []byte(v.Change.RevDigest))
	}
	if err != nil {
		a.note("What you read could not be remembered: %v", err)
	}
}

// stillSeen refuses a decision on another revision than the one shown last.
func (a *app) stillSeen(c *client.Client, v client.View) error {
	path, err := a.seenFile(c, v.Change.ID)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || string(b) == v.Change.RevDigest {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Stale, "stale", "%s was reworded since you read it: it is at revision %d %s now.", v.Change.ID, v.Change.Rev, brief(v.Change.RevDigest)).
		Because("binding", "policy statement (e)").FixedBy("you").Then("plumb change diff %s", v.Change.ID)
}
