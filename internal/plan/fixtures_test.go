package plan

import (
	"bytes"
	"os"
	"testing"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustRead(t testing.TB, raw []byte, key []byte) *Plan {
	t.Helper()
	p, err := Read(bytes.NewReader(raw), Options{Key: key})
	if err != nil {
		t.Fatalf("read plan: %v", err)
	}
	return p
}
