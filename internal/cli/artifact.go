package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"plumbline.dev/plumb/internal/fault"
)

// vault is a private folder for copies of what is going to run. What is hashed there is what runs: the
// original can be changed under our feet, the copy cannot by anybody else.
type vault struct {
	dir    string
	copies map[string]string // digest by path
}

func newVault() (*vault, error) {
	dir, err := os.MkdirTemp("", "plumb-run-*") // mode 0700
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	return &vault{dir: dir, copies: map[string]string{}}, nil
}

// intact names a copy that is not what it was: the command was given it as a place to write to.
func (v *vault) intact() error {
	for path, digest := range v.copies {
		now, err := digestOf(path)
		if err != nil || now != digest {
			return fmt.Errorf("the command changed its private copy of %s: it was named as a place to write to, so nothing was installed", filepath.Base(path))
		}
	}
	return nil
}

func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), err
}

func (v *vault) close() error { return os.RemoveAll(v.dir) }

// copy takes a regular file in, under its own name in a folder of its own, read-only, and gives the
// copy's path and digest. A script keeps the right to be run.
func (v *vault) copy(path string, most int64) (copied, digest string, err error) {
	src, err := os.Open(path)
	if err != nil {
		return "", "", fileFault(path, err)
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return "", "", fileFault(path, err)
	}
	if !info.Mode().IsRegular() {
		return "", "", fault.New(fault.Invalid, "not_a_file", "%s is not a regular file.", path).FixedBy("you").Then("ls -l %s", path)
	}
	dir, err := os.MkdirTemp(v.dir, "*")
	if err != nil {
		return "", "", err
	}
	copied = filepath.Join(dir, filepath.Base(path))
	dst, err := os.OpenFile(copied, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400|info.Mode().Perm()&0o100)
	if err != nil {
		return "", "", err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, h), io.LimitReader(src, most+1))
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return "", "", fileFault(path, err)
	case n == 0:
		return "", "", fault.New(fault.Invalid, "empty_file", "%s is empty; nothing is not something to run.", path).FixedBy("whoever made it").Then("ls -l %s", path)
	case n > most:
		return "", "", fault.New(fault.TooLarge, "file_too_large", "%s is larger than %d MiB.", path, most>>20).FixedBy("whoever made it").Then("ls -lh %s", path)
	}
	digest = "sha256:" + hex.EncodeToString(h.Sum(nil))
	v.copies[copied] = digest
	return copied, digest, nil
}

// Limits of what is copied: a saved plan holds the state and the configuration; other files are
// documents of the size that the server takes.
const (
	maxPlanFile = 2 << 30
	maxArtifact = 100 << 20
)
