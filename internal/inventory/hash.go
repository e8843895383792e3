package inventory

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
)

// hasher digests texts, each behind its length.
type hasher struct {
	h   hash.Hash
	buf []byte
}

func newHash() *hasher { return &hasher{h: sha256.New(), buf: make([]byte, 0, 1024)} }

func (h *hasher) count(n int) { h.buf = binary.AppendUvarint(h.buf, uint64(n)) }

func (h *hasher) text(parts ...string) {
	for _, p := range parts {
		h.count(len(p))
		h.buf = append(h.buf, p...)
		if len(h.buf) > 4096 {
			h.h.Write(h.buf)
			h.buf = h.buf[:0]
		}
	}
}

func (h *hasher) sum() (out [32]byte) {
	h.h.Write(h.buf)
	h.h.Sum(out[:0])
	return out
}

// root is the RFC 6962 tree head over the leaves, sorted: what a reading saw, so that "nothing changed" can be proved for any
// one record of it.
func root(leaves [][32]byte) [32]byte {
	slices.SortFunc(leaves, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	if len(leaves) == 0 {
		return sha256.Sum256(nil)
	}
	return head(leaves)
}

func head(leaves [][32]byte) [32]byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	split := 1
	for split*2 < len(leaves) {
		split *= 2
	}
	left, right := head(leaves[:split]), head(leaves[split:])
	node := [1 + 2*sha256.Size]byte{1}
	copy(node[1:], left[:])
	copy(node[1+sha256.Size:], right[:])
	return sha256.Sum256(node[:])
}

// leaf is the RFC 6962 leaf of one record: its id and its digest, 16 bytes each.
func leaf(id, digest [16]byte) [32]byte {
	b := [33]byte{}
	copy(b[1:], id[:])
	copy(b[17:], digest[:])
	return sha256.Sum256(b[:])
}
