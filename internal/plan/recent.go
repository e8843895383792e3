package plan

import "bytes"

// longestRecent bounds the texts that are remembered, in bytes.
const longestRecent = 1024

// recent remembers some texts that were judged to hold nothing secret. Most of what a resource was, it
// still is after a change, and the resources of one kind resemble each other; each text would be
// searched again.
type recent [64][]byte

func place(s []byte) int { return (len(s)*7 + int(s[0])*3 + int(s[len(s)-1])) % len(recent{}) }

// has reports whether s is one of them.
func (r *recent) has(s []byte) bool {
	return len(s) > 0 && len(s) <= longestRecent && bytes.Equal(r[place(s)], s)
}

// add remembers s, in the place of another.
func (r *recent) add(s []byte) {
	if len(s) > 0 && len(s) <= longestRecent {
		at := &r[place(s)]
		*at = append((*at)[:0], s...)
	}
}
