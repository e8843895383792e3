// Package policies holds the policy packs and schemas that the program ships with. It holds files,
// no rules of its own: internal/policy reads them.
package policies

import (
	"embed"
	"io/fs"
)

//go:embed 2023.1 schema
var files embed.FS

// Default is the name of the pack that a new server offers.
const Default = "2023.1"

// Pack gives the folder of a shipped pack, such as "2023.1". The error is fs.ErrNotExist for a pack
// that is not shipped.
func Pack(name string) (fs.FS, error) {
	if !fs.ValidPath(name) || name == "." || name == "schema" {
		return nil, fs.ErrNotExist
	}
	if _, err := fs.Stat(files, name+"/pack.yaml"); err != nil {
		return nil, fs.ErrNotExist
	}
	return fs.Sub(files, name)
}

// Schema gives the folder of JSON Schemas, one per file of a pack.
func Schema() (fs.FS, error) { return fs.Sub(files, "schema") }
