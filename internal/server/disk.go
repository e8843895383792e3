package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"plumbline.dev/plumb/internal/fault"
)

// disk watches the room in the data folder. A ballast file is freed when the disk runs full, so that the
// server can still be read, emptied and closed cleanly: a full disk is what most often ended logs of this
// kind.
type disk struct {
	dir   string
	bytes int64 // of ballast; 0 for none
	log   *slog.Logger

	low atomic.Bool
}

// Below these a disk counts as full. Both must hold: five in a hundred of a large disk are no emergency.
const (
	lowPercent = 5
	lowBytes   = 1 << 30
)

func (d *disk) path() string { return filepath.Join(d.dir, "ballast") }

// look measures the room, frees the ballast when it is little, and lays it down again when there is
// enough.
func (d *disk) look() error {
	free, all, err := room(d.dir)
	if err != nil {
		return fmt.Errorf("measure disk: %w", err)
	}
	low := all > 0 && free < lowBytes && free*100 < all*lowPercent
	if d.low.Swap(low) != low {
		d.log.Warn("room on the disk of the data folder", "low", low, "free_bytes", free)
	}
	if low {
		return d.drop()
	}
	if free > 4*d.bytes {
		return d.lay()
	}
	return nil
}

// drop frees the ballast.
func (d *disk) drop() error {
	if err := os.Remove(d.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("free ballast: %w", err)
	}
	return nil
}

// lay makes the ballast of real blocks, if it is not there.
func (d *disk) lay() error {
	if d.bytes == 0 {
		return nil
	}
	if info, err := os.Stat(d.path()); err == nil && info.Size() == d.bytes {
		return nil
	}
	f, err := os.OpenFile(d.path(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("lay ballast: %w", err)
	}
	err = errors.Join(allocate(f, d.bytes), f.Close())
	if err != nil {
		return errors.Join(fmt.Errorf("lay ballast: %w", err), d.drop())
	}
	return nil
}

// writable refuses writes while there is no room.
func (d *disk) writable() error {
	if !d.low.Load() {
		return nil
	}
	return fault.New(fault.Unavailable, "disk_low", "The server's disk is nearly full: it can be read, nothing is written.").
		FixedBy("the operator of the server").Then("free disk space, then try again")
}

// zeros writes the file full.
func zeros(f *os.File, size int64) error {
	block := make([]byte, 1<<20)
	for written := int64(0); written < size; written += int64(len(block)) {
		if _, err := f.Write(block[:min(int64(len(block)), size-written)]); err != nil {
			return err
		}
	}
	return nil
}
