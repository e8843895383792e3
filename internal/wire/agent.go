package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Facts are what a host says of itself: each property's path with its value as canonical JSON text (a string, an integer, a
// boolean, or a sorted list of strings).
type Facts map[string]jsontext.Value

// AgentBuckets is into how many parts facts are divided by their paths, so that two sides find what differs without sending
// it all.
const AgentBuckets = 64

// Limits of what one host reports. The server refuses more, and the agent leaves out what is more.
const (
	MaxFacts     = 18_000
	MaxFactPath  = 512
	MaxFactValue = 16 << 10
	MaxReport    = 900 << 10
)

// Report is one message of an agent. Its bytes are signed with the agent's key. The first says only the digest of all facts and,
// where the agent knows what the server has, the difference from that; what follows depends on the answer.
type Report struct {
	V       int64    `json:"v"`                 // 1
	Boot    string   `json:"boot"`              // of this boot of the host and this start of the agent
	Seq     int64    `json:"seq"`               // grows by each message of one boot
	Sent    int64    `json:"sent"`              // the agent's clock when it was sent, microseconds
	Root    string   `json:"root"`              // Facts.Root
	Base    string   `json:"base,omitempty"`    // root of the facts that Set and Gone start from
	Set     Facts    `json:"set,omitempty"`     // added, or with another value
	Gone    []string `json:"gone,omitempty"`    // not there any more
	Buckets []string `json:"buckets,omitempty"` // Facts.Buckets, when the server asked for them
	Whole   []int64  `json:"whole,omitempty"`   // Set holds all there is of these buckets
	Last    Facts    `json:"last,omitempty"`    // what changes by itself; shown, never compared
	Lost    int64    `json:"lost,omitempty"`    // states that were read and dropped, because the server was away too long
}

// States of an answer to a report.
const (
	AgentUnchanged = "unchanged" // the server has exactly these facts
	AgentAccepted  = "accepted"  // it has them now
	AgentBucketsOf = "buckets"   // it needs the digests of all buckets
	AgentWhole     = "whole"     // it needs the buckets that it lists
)

// ReportAnswer is the server's answer to a report.
type ReportAnswer struct {
	State   string  `json:"state"`
	Buckets []int64 `json:"buckets,omitempty"` // to be sent whole
	At      int64   `json:"at"`                // the server's clock, microseconds
}

// Enrolment asks for a new agent to be known. It is signed with the new key, so that nobody enrols a key that is not theirs.
type Enrolment struct {
	V     int64  `json:"v"` // 1
	Token string `json:"token"`
	Key   string `json:"key"`  // the agent's public key, base64
	Name  string `json:"name"` // host name
	Sent  int64  `json:"sent"`
}

// Enrolled is the answer to an enrolment.
type Enrolled struct {
	Agent string `json:"agent"`
	Every int64  `json:"every"` // seconds between reports that the server wishes for
	At    int64  `json:"at"`
}

// What a signature is over: one of these, then the body. So no message ever passes for one of another kind.
const (
	ReportDomain    = "plumb.agent.report.v1\n"
	EnrolmentDomain = "plumb.agent.enrolment.v1\n"
)

// AgentScheme is the scheme of the Authorization header of signed messages: "Plumb-Agent ID SIGNATURE", both without spaces. The
// id of an agent that is not enrolled yet is "new".
const AgentScheme = "Plumb-Agent"

// Bucket gives the bucket of a fact by its path.
func Bucket(path string) int64 {
	sum := sha256.Sum256([]byte(path))
	return int64(sum[0] % AgentBuckets)
}

// Buckets gives a digest of each bucket: 12 bytes each, enough to find a difference; the root is what proves that there is none.
func (f Facts) Buckets() []string {
	full := f.sums()
	out := make([]string, AgentBuckets)
	for i := range full {
		out[i] = base64.RawURLEncoding.EncodeToString(full[i][:12])
	}
	return out
}

// Root gives the digest of all facts: SHA-256 over the digests of the buckets.
func (f Facts) Root() string {
	h := sha256.New()
	h.Write([]byte("plumb.facts.v1\n"))
	for _, sum := range f.sums() {
		h.Write(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// sums gives for each bucket the SHA-256 over its facts in the order of their paths, each part with its length before it.
func (f Facts) sums() (out [AgentBuckets][32]byte) {
	var parts [AgentBuckets][]byte
	for _, path := range slices.Sorted(maps.Keys(f)) {
		b := Bucket(path)
		parts[b] = appendPart(appendPart(parts[b], path), string(f[path]))
	}
	for i := range parts {
		out[i] = sha256.Sum256(parts[i])
	}
	return out
}

func appendPart(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// Difference gives what turns f into next.
func (f Facts) Difference(next Facts) (set Facts, gone []string) {
	set = Facts{}
	for path, v := range next {
		if was, ok := f[path]; !ok || string(was) != string(v) {
			set[path] = v
		}
	}
	for path := range f {
		if _, ok := next[path]; !ok {
			gone = append(gone, path)
		}
	}
	slices.Sort(gone)
	return set, gone
}

// With gives f with a difference applied.
func (f Facts) With(set Facts, gone []string) Facts {
	out := maps.Clone(f)
	if out == nil {
		out = Facts{}
	}
	for _, path := range gone {
		delete(out, path)
	}
	maps.Copy(out, set)
	return out
}

// In gives the facts of some buckets.
func (f Facts) In(buckets []int64) Facts {
	out := Facts{}
	for path, v := range f {
		if slices.Contains(buckets, Bucket(path)) {
			out[path] = v
		}
	}
	return out
}

// TextOf gives a fact that is a string, or a number or boolean as it stands; "" when there is none.
func (f Facts) TextOf(path string) string {
	v := f[path]
	if v.Kind() != '"' {
		return string(v)
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return string(b)
}

// NumberFact makes the value of a fact that is a number.
func NumberFact(n int64) jsontext.Value { return jsontext.Value(strconv.FormatInt(n, 10)) }

// Under lists the paths that begin so, sorted.
func (f Facts) Under(prefix string) []string {
	var out []string
	for path := range f {
		if strings.HasPrefix(path, prefix) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}
