package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// source is one package as the go command would compile it for a system.
type source struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	SFiles     []string          // assembler: functions may have no body
	Imports    []string          // as resolved
	ImportMap  map[string]string // from what a file says to what it means, where the two differ
	Module     *struct {
		Main      bool
		GoVersion string
	}
}

// own reports whether the package is of the module that is checked.
func (s *source) own() bool { return s.Module != nil && s.Module.Main }

// language is the version of Go that the package is written in; "" is the newest.
func (s *source) language() string {
	if s.Module == nil || s.Module.GoVersion == "" {
		return ""
	}
	return "go" + s.Module.GoVersion
}

// paths are the files of the package.
func (s *source) paths() []string {
	out := make([]string, len(s.GoFiles))
	for i, name := range s.GoFiles {
		out[i] = filepath.Join(s.Dir, name)
	}
	return out
}

// listed asks the go command for the packages and all that they import, each after its imports. Without
// cgo, as the program is built.
func listed(ctx context.Context, dir, goos, goarch string) ([]*source, error) {
	args := append([]string{"list", "-deps", "-json=ImportPath,Dir,GoFiles,SFiles,Imports,ImportMap,Module"}, patterns...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages for %s/%s: %w\n%s", goos, goarch, err, said.Bytes())
	}
	var list []*source
	for d := jsontext.NewDecoder(bytes.NewReader(out)); ; {
		s := new(source)
		if err := json.UnmarshalDecode(d, s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		list = append(list, s)
	}
	for _, s := range list {
		if s.own() {
			return list, nil
		}
	}
	return nil, fmt.Errorf("no package of our own for %s/%s: nothing would be checked", goos, goarch)
}
