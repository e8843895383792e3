package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// keys are what makes this install itself. They lie in the data folder, readable by the server alone,
// and are made together on the first start; replicas that share a database share them too.
type keys struct {
	install string
	ledger  *seal.Key
	permit  *seal.Key
	root    []byte
	made    bool // on this start
}

// The files in DATA/keys.
const (
	installFile = "install"
	ledgerFile  = "ledger.key"
	permitFile  = "permit.key"
	rootFile    = "root.key"
)

// openKeys reads the keys, or makes all of them where none is there. Some but not all is a damaged
// folder: making the rest would sign with keys that nobody can check against the older ones.
func openKeys(data string) (k keys, err error) {
	dir := filepath.Join(data, "keys")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return k, fmt.Errorf("make key folder: %w", err)
	}
	there := 0
	for _, name := range []string{installFile, ledgerFile, permitFile, rootFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			there++
		} else if !errors.Is(err, os.ErrNotExist) {
			return k, fmt.Errorf("look for keys: %w", err)
		}
	}
	if there != 0 && there != 4 {
		return k, fault.New(fault.Invalid, "keys_incomplete", "The key folder lacks some of its files; the server does not make new ones beside old ones.").
			FixedBy("the operator of the server").Then("restore %s from the backup", dir)
	}
	k.made = there == 0
	if k.ledger, err = seal.OpenKey(filepath.Join(dir, ledgerFile), k.made); err != nil {
		return k, fmt.Errorf("open ledger key: %w", err)
	}
	if k.permit, err = seal.OpenKey(filepath.Join(dir, permitFile), k.made); err != nil {
		return k, fmt.Errorf("open permit key: %w", err)
	}
	if k.root, err = openRoot(filepath.Join(dir, rootFile), k.made); err != nil {
		return k, fmt.Errorf("open root key: %w", err)
	}
	k.install, err = openInstall(filepath.Join(dir, installFile), k.made)
	return k, err
}

// openRoot reads the 32 bytes under which secrets are sealed at rest.
func openRoot(path string, create bool) ([]byte, error) {
	if create {
		b := make([]byte, 32)
		rand.Read(b)
		return b, seal.WriteFile(path, []byte(hex.EncodeToString(b)+"\n"), 0o600)
	}
	text, err := private(path)
	if err != nil {
		return nil, err
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 32 {
		return nil, fmt.Errorf("%s does not hold 32 bytes in hex", path)
	}
	return b, nil
}

// openInstall reads the install's id, which names the ledger for ever.
func openInstall(path string, create bool) (string, error) {
	if create {
		id := seal.NewID("install")
		return id, seal.WriteFile(path, []byte(id+"\n"), 0o600)
	}
	id, err := private(path)
	if err == nil && (!strings.HasPrefix(id, "install_") || len(id) > 60) {
		err = fmt.Errorf("%s does not hold an install id", path)
	}
	return id, err
}

// private reads a small file that others must not be able to read.
func private(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others; set its mode to 0600", path)
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}
