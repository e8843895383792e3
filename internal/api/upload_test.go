package api

import (
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

func TestOneAccountCannotTakeAllTheMemory(t *testing.T) {
	t.Parallel()
	var u uploads
	var leave []func()
	for range maxOwnUploads {
		l, err := u.begin("acc_1", -1) // no length announced: it may be as large as it can be
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	if _, err := u.begin("acc_1", 100<<20); !fault.Is(err, "too_many_uploads") {
		t.Errorf("one more: %v", err)
	}
	if _, err := u.begin("acc_1", 1000); err != nil {
		t.Errorf("a small one: %v", err)
	}
	for i := 0; u.all < maxUploads; i++ {
		l, err := u.begin(string(rune('a'+i)), -1)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	if _, err := u.begin("acc_2", -1); !fault.Is(err, "too_many_uploads") {
		t.Errorf("beyond all places: %v", err)
	}
	for _, l := range leave {
		l()
	}
	if u.all != 0 || len(u.owned) != 0 {
		t.Errorf("%d places and %d accounts are left over", u.all, len(u.owned))
	}
}
