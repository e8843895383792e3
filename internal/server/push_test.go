package server_test

import (
	"bytes"
	"fmt"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/server/servertest"
)

// A table that is longer than what a reader takes at once is read to its last line, whether or not it is sent with a key for a retry; sent again
// with that key it is read again and changes nothing.
func TestALongTableIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	otto := s.As(servertest.Otto)
	otto.Want(201, "POST", "/sources", map[string]any{"name": "sheet", "kind": "csv", "settings": map[string]string{"class": "Host"}})
	const lines = 2_000
	table := bytes.NewBufferString("name,environment,owner\n")
	for i := range lines {
		fmt.Fprintf(table, "host-%04d,prod,somebody who looks after it\n", i)
	}
	for _, added := range []int64{lines, 0} {
		var run inventory.Run
		otto.Want(201, "POST", "/sources/sheet/documents?document=sheet.csv", table.Bytes(), "Idempotency-Key", "once").Into(&run)
		if !run.Complete || run.Records != lines || run.Added != added || run.Absent != 0 {
			t.Errorf("it was read as %+v", run)
		}
	}
}

// What a source could not be asked is said, and said again to who asks again with the same key.
func TestASourceThatDoesNotAnswerSaysSo(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	otto := s.As(servertest.Otto)
	otto.Want(201, "POST", "/sources", map[string]any{"name": "names", "kind": "dns",
		"settings": map[string]string{"server": "127.0.0.1:1", "zones": "example.com"}})
	for range 2 {
		otto.Refused(503, "not_readable", "POST", "/sources/names/read", nil, "Idempotency-Key", "once")
	}
}
