package document

import (
	"slices"
	"strings"
)

// Packages are called passwd, xauth and python3-jwt: among them a secret's name says nothing, and what has the form of a version is
// one. Elsewhere, and in any other form, such a name counts.

// inPackages reports whether a name stands below packages in its path, as in package.passwd.
func inPackages(path string) bool {
	steps := strings.Split(path, ".")
	return slices.ContainsFunc(steps[:len(steps)-1], isPackages)
}

// isPackages reports whether a name is that of packages by name.
func isPackages(name string) bool {
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name)) {
	case "package", "packages", "pkg", "pkgs", "installedpackages", "dependencies", "software":
		return true
	}
	return false
}

// isPackage reports whether an item of a list is a package with its version, as in passwd=1:4.13.
func isPackage(item string) bool {
	name, v, ok := strings.Cut(item, "=")
	v = strings.TrimPrefix(v, "=")
	return ok && name != "" && len(name) <= 100 && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789+-._:/@") == "" && version(v)
}

// version reports whether a text has the form of a version: a digit, perhaps behind a v, then dots among few other signs; without a dot it is
// short, and has few letters. Tokens have such a form, too: what is long between two signs is a commit or a time, and small and capital letters
// are mixed in nothing of eight.
func version(text string) bool {
	s := strings.TrimPrefix(text, "v")
	if s == "" || len(s) > 100 || s[0] < '0' || s[0] > '9' {
		return false
	}
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(".:+~-_", rune(c)) {
			return false
		}
	}
	letters := 0
	for p := range strings.FieldsFuncSeq(s, func(c rune) bool { return strings.ContainsRune(".:+~-_", c) }) {
		mixed := strings.ToLower(p) != p && strings.ToUpper(p) != p
		if len(p) >= 8 && mixed || len(p) > 12 && strings.Trim(p, "0123456789abcdef") != "" {
			return false
		}
		letters += len(strings.Map(letter, p))
	}
	return strings.Contains(s, ".") || len(s) <= 10 && letters <= 3
}

// letter leaves the letters of a text, with strings.Map.
func letter(c rune) rune {
	if c >= '0' && c <= '9' {
		return -1
	}
	return c
}
