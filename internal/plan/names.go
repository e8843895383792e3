package plan

import "strings"

// secretWords make the name of an attribute, variable or setting a secret one. They are compared with
// the name in lower case without separators, so that db_password, dbPassword and DB-PASSWORD are one.
var secretWords = []string{
	"password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "apikey",
	"privatekey", "accesskey", "sharedkey", "accountkey", "signingkey", "encryptionkey", "masterkey",
	"primarykey", "secondarykey", "licensekey", "sshkey", "tlskey", "pemkey", "certificatekey", "saskey",
	"hmackey", "hmac", "functionkey", "hostkey", "connectionstring", "connstr", "authorization", "bearer",
	"authkey", "webhookurl", "kubeconfig", "sessionid", "cookie", "dsn", "otp", "pgpass", "htpasswd", "jwt",
	"snmpcommunity", "communitystring", "rocommunity", "rwcommunity", "setsensitive", "sensitivevars",
}

// secretEnds are too short to be looked for inside a name: the name must be or end in one.
var secretEnds = []string{"pwd", "pass", "auth", "salt", "seed", "psk", "passw"}

// exactSecrets are secret only as a whole name.
var exactSecrets = []string{"pin", "key", "creds", "cred", "pw", "community"}

// plainEnds take a name back out: what the setting says about a secret is for the reviewer to see.
var plainEnds = []string{
	"name", "arn", "type", "ttl", "length", "policy", "ref", "count", "expiry", "expiration", "version",
	"enabled", "days", "endpoint", "path", "file", "rotation", "algorithm", "publickey", "hours",
	"minutes", "seconds", "maxage", "minage", "required", "format", "scopes", "lifetime", "validity", "uri", "url",
}

// maxName bounds what is judged as a name; a longer one is no name of a setting, and is taken as secret.
const maxName = 256

// secretName reports whether a value of this name is a secret whatever it looks like. The name "key"
// counts only where bare is set, that is in text such as "key=…", because maps are full of keys.
func secretName[T ~string | ~[]byte](name T, bare bool) bool {
	if len(name) > maxName {
		return true
	}
	var room [maxName]byte
	n := plainLetters(room[:0], name)
	for _, w := range exactSecrets {
		if string(n) == w {
			return w != "key" || bare
		}
	}
	if endsIn(n, "webhookurl") {
		return true
	}
	if !endsInAny(n, secretEnds) && !holdsAny(n, secretHeads) {
		return false
	}
	return endsIn(n, "account") || !endsInAny(n, plainEnds)
}

// SecretFlag reports whether an item of a list of arguments, such as --password or -token, says that the item after it is a secret.
func SecretFlag(item string) bool { return secretFlag(item) }

func secretFlag[T ~string | ~[]byte](item T) bool {
	n := 0
	for n < len(item) && item[n] == '-' {
		n++
	}
	if n == 0 || n > 2 || n == len(item) || len(item) > maxName {
		return false
	}
	for i := n; i < len(item); i++ {
		if !nameByte(item[i]) {
			return false // --password=… holds its own
		}
	}
	return secretName(item[n:], false)
}

// SecretName reports whether a setting of this name holds a secret, whatever the value looks like.
func SecretName(name string) bool { return secretName(name, false) }

// plainLetters appends a name in lower case without its separators.
func plainLetters[T ~string | ~[]byte](dst []byte, name T) []byte {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c|0x20)
		case c == '_' || c == '-' || c == '.' || c == ' ':
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func endsIn(name []byte, end string) bool {
	return len(name) >= len(end) && string(name[len(name)-len(end):]) == end
}

func endsInAny(name []byte, ends []string) bool {
	for _, e := range ends {
		if endsIn(name, e) {
			return true
		}
	}
	return false
}

// heads are words by their first letter, so that a name is compared with few of them.
type heads [256][]string

var secretHeads, digestHeads = byHead(secretWords), byHead(digestWords)

func byHead(words []string) *heads {
	var h heads
	for _, w := range words {
		h[w[0]] = append(h[w[0]], w)
	}
	return &h
}

func holdsAny(name []byte, words *heads) bool {
	for i, c := range name {
		for _, w := range words[c] {
			if len(name)-i >= len(w) && string(name[i:i+len(w)]) == w {
				return true
			}
		}
	}
	return false
}

// digestWords in a name say that a long hexadecimal value is a fingerprint or an identifier, which
// the reviewer needs and which opens nothing.
var digestWords = []string{
	"hash", "digest", "sha", "checksum", "etag", "fingerprint", "thumbprint", "commit", "revision", "image", "md5",
}

// digestName reports whether long hexadecimal values are at home under this name.
func digestName[T ~string | ~[]byte](name T) bool {
	if len(name) > maxName {
		return false
	}
	var room [maxName]byte
	n := plainLetters(room[:0], name)
	return string(n) == "id" || strings.HasSuffix(string(name), "_id") || strings.HasSuffix(string(name), "_ids") ||
		holdsAny(n, digestHeads)
}
