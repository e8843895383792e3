package db

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// localFolder refuses a folder on a network file system.
func localFolder(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look at the data folder: %w", err)
	}
	magic, mount := uint32(fs.Type), ""
	if magic == fuseMagic {
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			return fmt.Errorf("look at the data folder: %w", err)
		}
		text, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			return fmt.Errorf("look at the data folder's mount: %w", err)
		}
		mount = mountType(string(text), unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	}
	if name := network(magic, mount); name != "" {
		return onNetwork(name)
	}
	return nil
}
