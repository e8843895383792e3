package plan

import (
	"bytes"
	"strings"
)

// scanNamed masks values that stand behind the name of a secret: password=…, "token": "…",
// Authorization: …. Where the end of the value is in doubt, more is masked rather than less.
func scanNamed(dst []span, s []byte) []span {
	for i := 0; i < len(s); i++ {
		if s[i] != '=' && s[i] != ':' || !secretName(nameBefore(s, i), s[i] == '=') {
			continue
		}
		from := i + 1
		if from < len(s) && (s[from] == '=' || s[from] == '>') {
			from++
		}
		from, to := valueAt(s, from, s[i] == ':')
		if to > from && !plainValue(s[from:to]) {
			dst = append(dst, span{from: from, to: to, learnt: true})
		}
		i = max(i, from-1)
	}
	return dst
}

// nameBefore gives the name that ends before i, over spaces, quotes and backslashes.
func nameBefore(s []byte, i int) []byte {
	for i > 0 && (s[i-1] == ' ' || s[i-1] == '"' || s[i-1] == '\'' || s[i-1] == '\\' || s[i-1] == ']') {
		i--
	}
	from := i
	for from > 0 && i-from <= 64 && nameByte(s[from-1]) {
		from--
	}
	if from < i && i-from > 64 {
		from = i - 64
	}
	return bytes.Trim(s[from:i], "-.")
}

func nameByte(c byte) bool {
	return classes[c]&(lower|upper|digit) != 0 || c == '_' || c == '-' || c == '.'
}

// valueAt finds the value that begins at or after i: quoted to its quote; else behind a colon to the
// end of the line, behind an equals sign to the next space, or to the semicolon of a connection string.
func valueAt(s []byte, i int, colon bool) (from, to int) {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\\') {
		i++
	}
	if i >= len(s) {
		return i, i
	}
	if q := s[i]; q == '"' || q == '\'' || q == '`' {
		return i + 1, closing(s, i+1, q)
	}
	if colon && (s[i] == '|' || s[i] == '>') && bytes.IndexByte(s[i:], '\n') >= 0 {
		return i, len(s) // a YAML block: its end is in the indentation, so the rest is masked
	}
	line := len(s)
	if n := bytes.IndexAny(s[i:], "\r\n"); n >= 0 {
		line = i + n
	}
	if n := bytes.IndexByte(s[i:line], ';'); n >= 0 {
		return i, i + n
	}
	if colon {
		return i, line
	}
	if n := bytes.IndexAny(s[i:line], " \t&\"'"); n >= 0 {
		return i, i + n
	}
	return i, line
}

func closing(s []byte, i int, q byte) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) && s[i+1] == q && escapedQuote(s, i+1) {
				return i
			}
			i++
		case q:
			return i
		}
	}
	return len(s)
}

// escapedQuote sees that a backslash and quote close a value inside quoted JSON (\"a\":\"b\"), because
// a separator follows.
func escapedQuote(s []byte, i int) bool {
	rest := bytes.TrimLeft(s[i+1:], " ")
	return len(rest) == 0 || rest[0] == ',' || rest[0] == '}' || rest[0] == ']' || rest[0] == '\\'
}

// plainValue says that a value behind a secret's name is none: a switch, or nothing.
func plainValue(v []byte) bool {
	switch strings.ToLower(string(bytes.Trim(v, " ,"))) {
	case "", "true", "false", "null", "none", "{", "[", "{}", "[]", "/", "//":
		return true
	}
	return false
}

// scanSpoken masks what follows "Bearer", "Basic" and options such as --password.
func scanSpoken(dst []span, s []byte) []span {
	for i := 0; i < len(s); {
		n := bytes.IndexByte(s[i:], ' ')
		if n < 0 {
			break
		}
		at := i + n
		i = at + 1
		word := lastWord(s, at)
		switch {
		case len(word) == len("bearer") && bytes.EqualFold(word, []byte("bearer")), len(word) == len("basic") && bytes.EqualFold(word, []byte("basic")):
		case bytes.HasPrefix(word, []byte("--")) && secretName(word[2:], false):
		default:
			continue
		}
		from, to := valueAt(s, at, false)
		if word[0] != '-' && to-from < 8 {
			continue
		}
		if to > from {
			dst = append(dst, span{from: from, to: to, learnt: true})
		}
	}
	return dst
}

func lastWord(s []byte, end int) []byte {
	from := end
	for from > 0 && end-from < 64 && nameByte(s[from-1]) {
		from--
	}
	return s[from:end]
}

// commands are programs that take a password under an option of one letter, and whether it may be the word after that: mysql takes that word for the name
// of a database. Their names are compared as words.
var commands = []struct {
	name, option string
	apart        bool
}{
	{"mysql", "-p", false}, {"mysqldump", "-p", false}, {"mysqladmin", "-p", false}, {"mysqlimport", "-p", false}, {"mariadb", "-p", false},
	{"mariadb-dump", "-p", false}, {"mariadb-admin", "-p", false}, {"sshpass", "-p", true}, {"redis-cli", "-a", true},
}

// scanCommands masks the password of commands such as mysql -pPASSWORD and sshpass -p PASSWORD. It goes on behind the end of each command, so that its
// work grows with the text and not with the text times the commands in it.
func scanCommands(dst []span, s []byte) []span {
	if !bytes.Contains(s, []byte(" -p")) && !bytes.Contains(s, []byte(" -a")) {
		return dst
	}
	for _, x := range commands {
		for at := 0; ; {
			n := bytes.Index(s[at:], []byte(x.name+" "))
			if n < 0 {
				break
			}
			from := at + n
			at = from + len(x.name)
			if from > 0 && nameByte(s[from-1]) {
				continue
			}
			end := commandEnd(s, at)
			dst = optionIn(dst, s[:end], at, x.option, x.apart)
			at = end
		}
	}
	return dst
}

// commandEnd finds where a command of a shell ends. What ends one does not in quotes, nor does the end of a line behind a backslash.
func commandEnd(s []byte, at int) int {
	for ; at < len(s); at++ {
		switch s[at] {
		case '\\':
			at++
		case '"', '\'':
			at = closing(s, at+1, s[at])
		case '\r', '\n', '|', ';', '&':
			return at
		}
	}
	return len(s)
}

// optionIn masks the value of each option of one letter, that is written in one word with it or, where apart says so, in the next.
func optionIn(dst []span, s []byte, at int, option string, apart bool) []span {
	for {
		n := bytes.Index(s[at:], []byte(" "+option))
		if n < 0 {
			return dst
		}
		at += n + 1 + len(option)
		if at < len(s) && (s[at] != ' ' || apart) {
			from, to := valueAt(s, at, false)
			if to > from {
				dst = append(dst, span{from: from, to: to, learnt: true})
			}
		}
	}
}

// flagged reports whether an item of a list says that the item after it is a secret: ["--password", "…"].
func flagged(raw []byte) bool {
	if len(raw) > maxName {
		return false
	}
	i := bytes.IndexByte(raw, '"')
	if i < 0 || len(bytes.TrimSpace(raw[:i])) > 0 {
		return false
	}
	raw = bytes.TrimSpace(raw[i:])
	return len(raw) > 3 && raw[1] == '-' && secretFlag(unquote(raw))
}
