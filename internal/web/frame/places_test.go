package frame

import (
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

func TestOnlySoManyExportsAtOnce(t *testing.T) {
	t.Parallel()
	p := make(Places, 2)
	first, err := p.Take()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Take(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Take(); !fault.Is(err, "too_many_exports") {
		t.Errorf("a third of two: %v", err)
	}
	first()
	if _, err := p.Take(); err != nil {
		t.Errorf("after one has left: %v", err)
	}
	if _, err := Places(nil).Take(); err == nil {
		t.Error("where no places are declared, there is one")
	}
}
