package ad

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Bounds of one policy's folder.
const (
	maxFiles = 2000
	maxFile  = 8 << 20
)

// files reads a policy's folder in sysvol. Files are kept by keyed digest only: preferences can hold passwords under a key that
// everybody knows (MS14-025). That one does is told.
func (s *source) files(x *entry) error {
	if !regexp.MustCompile(`^\{[0-9A-Fa-f-]{36}\}$`).MatchString(x.folder) {
		return nil
	}
	root, err := os.OpenRoot(filepath.Join(s.sysvol, "Policies"))
	if err != nil {
		return connect.BadSetting("sysvol", "holds no folder Policies that can be read")
	}
	defer root.Close()
	a := connect.Attrs(x.record.Attrs)
	n, password, version := 0, false, ""
	err = fs.WalkDir(root.FS(), x.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return err
		}
		if n++; n > maxFiles {
			return connect.TooMuch("2,000 files in one policy")
		}
		f, err := root.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := connect.ReadAll(f, maxFile)
		if err != nil {
			return err
		}
		rel := strings.ToLower(strings.TrimPrefix(path, x.folder+"/"))
		a["sysvol.file."+strings.ToValidUTF8(rel, "\uFFFD")] = s.mask(string(text))
		password = password || regexp.MustCompile(`(?i)cpassword="[^"]`).Match(text)
		if rel == "gpt.ini" {
			if m := regexp.MustCompile(`(?im)^\s*version\s*=\s*(\d+)`).FindSubmatch(text); m != nil {
				version = string(m[1])
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return connect.Unreadable("sysvol", err)
	}
	if v, err := strconv.ParseInt(version, 10, 64); err == nil {
		a.Number("sysvol.version", v)
	}
	a.Flag("sysvol.agrees", version != "" && inventory.Text(version) == a["versionNumber"])
	a.Flag("sysvol.holds_password", password)
	return nil
}
