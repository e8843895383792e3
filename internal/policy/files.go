package policy

import (
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// File is one file of a pack, byte for byte.
type File struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// PackFiles are the files of a pack; each must be there, and no other YAML file may be.
var PackFiles = []string{"calendar.yaml", "catalogue.yaml", "categories.yaml", "clauses.yaml",
	"emergency.yaml", "models.yaml", "pack.yaml", "roles.yaml", "rules.yaml"}

// MaxFile is the largest file of a pack, in bytes. The YAML reader needs time with the square of a
// mapping's keys: 64 KiB of them take about half a second.
const MaxFile = 64 << 10

// maxLine bounds one line, and with it how deep a line can nest.
const maxLine = 2000

// archive is the single document that holds a whole pack.
type archive struct {
	Files []File `json:"files"`
}

// Files gives the pack's files in the order of their paths.
func (p *Pack) Files() []File { return slices.Clone(p.files) }

// text gives the bytes of one file.
func (p *Pack) text(name string) string {
	for _, f := range p.files {
		if f.Path == name {
			return f.Text
		}
	}
	return ""
}

// Archive gives the whole pack as one canonical JSON document {"files":[{"path","text"}]}, from
// which LoadArchive makes the same pack with the same digest.
func (p *Pack) Archive() ([]byte, error) { return seal.Canonical(archive{Files: p.files}) }

// LoadArchive makes a pack from its archive. Anything that Load refuses is refused here too.
func LoadArchive(b []byte) (*Pack, error) {
	var a archive
	if err := seal.Decode(b, &a); err != nil {
		return nil, err
	}
	return load(a.Files)
}

// digestOf is the digest of a pack: over the canonical list of path and SHA-256 of each file,
// sorted by path.
func digestOf(files []File) (string, error) {
	type entry struct {
		Path   string `json:"path"`
		SHA256 string `json:"sha256"`
	}
	list := make([]entry, len(files))
	for i, f := range files {
		list[i] = entry{f.Path, seal.Raw([]byte(f.Text))}
	}
	b, err := seal.Canonical(list)
	if err != nil {
		return "", err
	}
	return seal.Digest("plumb.pack.v1", b), nil
}

// readFiles takes the pack's files out of a folder. Stories and a README may lie beside them and are
// not part of the pack; any other file is refused, so that a misspelt name is not silently ignored.
func readFiles(fsys fs.FS) ([]File, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read pack: %w", err)
	}
	var files []File
	for _, e := range entries {
		name := e.Name()
		if name == "README.md" || (e.IsDir() && name == "stories") {
			continue
		}
		if !slices.Contains(PackFiles, name) || !e.Type().IsRegular() {
			return nil, fault.New(fault.Invalid, "unknown_pack_file", "The pack folder holds %q, which is no file of a pack.", clean(name)).
				Then("remove it; a pack is made of %s", strings.Join(PackFiles, ", "))
		}
		if fi, err := e.Info(); err != nil || fi.Size() > MaxFile {
			return nil, tooLarge(name)
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read pack: %w", err)
		}
		files = append(files, File{Path: name, Text: string(b)})
	}
	return files, nil
}

func tooLarge(name string) error {
	return fault.New(fault.TooLarge, "pack_too_large", "The pack file %s is larger than %d bytes or has a line longer than %d.", clean(name), MaxFile, maxLine).
		Then("shorten it; a pack is read by people")
}

// checkFiles refuses a set of files that is not a whole pack, and bytes that a reader would see
// differently from the program.
func checkFiles(files []File) error {
	var names []string
	for _, f := range files {
		names = append(names, f.Path)
		switch {
		case !slices.Contains(PackFiles, f.Path):
			return fault.New(fault.Invalid, "unknown_pack_file", "The pack holds %q, which is no file of a pack.", clean(f.Path)).
				Then("take it out of the folder")
		case len(f.Text) > MaxFile:
			return tooLarge(f.Path)
		}
		if err := readable(f.Path, f.Text); err != nil {
			return err
		}
	}
	for _, want := range PackFiles {
		if n := len(names) - len(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == want })); n != 1 {
			return fault.New(fault.Invalid, "missing_pack_file", "The pack needs the file %s exactly once; it is there %d times.", want, n).
				Then("plumb policy lint DIR")
		}
	}
	return nil
}

// readable refuses text that hides something from its reader: invalid UTF-8, control characters,
// and the marks that turn the reading direction round.
func readable(name, text string) error {
	if !utf8.ValidString(text) {
		return fault.New(fault.Invalid, "bad_utf8", "%s is not valid UTF-8.", clean(name)).Then("write it as UTF-8")
	}
	line, column := 1, 0
	for _, r := range text {
		switch column++; {
		case r == '\n':
			line, column = line+1, 0
		case hidden(r):
			return fault.New(fault.Invalid, "hidden_character", "%s:%d holds a character that its reader cannot see (U+%04X).", clean(name), line, r).
				Then("take the character out")
		case column > maxLine:
			return tooLarge(name)
		}
	}
	return nil
}

// hidden reports whether a reader would not see the character, or would see the text around it
// differently.
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xad, r == 0xfeff, r >= 0xe0000 && r <= 0xe007f:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	}
	return false
}

// clean makes a name fit for a message: at most 60 printable ASCII characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 60)]
}

func sortFiles(files []File) []File {
	files = slices.Clone(files)
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files
}
