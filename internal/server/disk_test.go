package server

import (
	"log/slog"
	"os"
	"syscall"
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

func TestTheBallastIsRealAndFreedWhenTheDiskRunsFull(t *testing.T) {
	t.Parallel()
	d := &disk{dir: t.TempDir(), bytes: 1 << 20, log: slog.New(slog.DiscardHandler)}
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.path())
	if err != nil || info.Size() != d.bytes || info.Mode().Perm() != 0o600 {
		t.Fatalf("ballast: %v, %v", info, err)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Blocks*512 < d.bytes {
		t.Errorf("the ballast takes only %d bytes of the disk", s.Blocks*512)
	}
	if err := d.writable(); err != nil {
		t.Errorf("with room enough: %v", err)
	}
	d.low.Store(true)
	if err := d.writable(); !fault.Is(err, "disk_low") || fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("without room: %v", err)
	}
	for range 2 {
		if err := d.drop(); err != nil {
			t.Errorf("freeing the ballast: %v", err)
		}
	}
	if _, err := os.Stat(d.path()); !os.IsNotExist(err) {
		t.Errorf("the ballast is still there: %v", err)
	}
}

func TestAnUnreadableDiskIsNoReasonToGoOnAsIfItWereFine(t *testing.T) {
	t.Parallel()
	d := &disk{dir: t.TempDir() + "/gone", log: slog.New(slog.DiscardHandler)}
	if err := d.look(); err == nil {
		t.Error("a folder that is not there has room")
	}
}
