package probe

import (
	"bufio"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// tree is the host's file system, or that of a test.
type tree string

// The largest file that is read, and the most lines of one.
const (
	maxFile = 64 << 20
	maxLine = 1 << 20
)

func (t tree) at(name string) string { return filepath.Join(string(t), filepath.FromSlash(name)) }

// read gives a small file; "" when it is not there or cannot be read.
func (t tree) read(name string) string {
	f, err := os.Open(t.at(name))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return ""
	}
	return string(b)
}

// line gives the first line of a small file.
func (t tree) line(name string) string {
	s, _, _ := strings.Cut(t.read(name), "\n")
	return strings.TrimSpace(s)
}

// lines calls each with every line of a file.
func (t tree) lines(name string, each func(string)) error {
	f, err := os.Open(t.at(name))
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(io.LimitReader(f, maxFile))
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	for s.Scan() {
		each(s.Text())
	}
	return s.Err()
}

// names lists a folder, sorted; nothing when it is not there.
func (t tree) names(dir string) []string {
	list, err := os.ReadDir(t.at(dir))
	if err != nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, e.Name())
	}
	slices.Sort(out)
	return out
}

// has reports whether there is such a file.
func (t tree) has(name string) bool {
	_, err := os.Lstat(t.at(name))
	return err == nil
}

// link gives where a symbolic link leads, by its own words.
func (t tree) link(name string) string {
	to, err := os.Readlink(t.at(name))
	if err != nil {
		return ""
	}
	return filepath.ToSlash(to)
}

// files lists the files of a folder whose names end so, each with its folder.
func (t tree) files(dir, suffix string) []string {
	var out []string
	for _, n := range t.names(dir) {
		if strings.HasSuffix(n, suffix) {
			out = append(out, path.Join(dir, n))
		}
	}
	return out
}
