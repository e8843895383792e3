package db_test

import (
	"crypto/sha256"
	"encoding/hex"
)

// rowDigest follows docs/formats.md without the code under test.
func rowDigest(columns string) string {
	sum := sha256.Sum256([]byte("plumb.row.v1\ntest_thing\n" + columns))
	return hex.EncodeToString(sum[:])
}
