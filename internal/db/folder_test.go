package db

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

func TestADataFolderOnANetworkIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		magic uint32
		mount string
		want  string
	}{
		{0x6969, "", "nfs"},
		{0x6969, "nfs4", "nfs"},
		{0x517b, "", "smb"},
		{0xff534d42, "", "cifs"},
		{0xfe534d42, "", "smb3"},
		{0x00c36400, "", "ceph"},
		{0x65735546, "fuse.sshfs", "sshfs"},
		{0x65735546, "fuse.s3fs", "s3fs"},
		{0x65735546, "fuse.glusterfs", "glusterfs"},
		{0x65735546, "fuseblk", ""},           // a local disk that a program reads
		{0x65735546, "fuse.gocryptfs", ""},    // a local folder, encrypted
		{0x65735546, "virtiofs", ""},          // a folder of the machine that runs this virtual one
		{0x65735546, "", ""},                  // not in the table of mounts
		{0x01021997, "9p", ""},                // the same, of WSL and of sandboxes
		{0xef53, "ext4", ""},                  //
		{0xef53, "fuse.sshfs", ""},            // the number is the kernel's word
		{0x58465342, "xfs", ""},               //
		{0x9123683e, "btrfs", ""},             //
		{0x2fc12fc1, "zfs", ""},               //
		{0x01021994, "tmpfs", ""},             //
		{0x794c7630, "overlay", ""},           //
		{0, "", ""},                           //
		{^uint32(0), "nothing known yet", ""}, //
	} {
		if got := network(c.magic, c.mount); got != c.want {
			t.Errorf("network(%#x, %q) = %q, want %q", c.magic, c.mount, got, c.want)
		}
	}
	err := onNetwork("nfs")
	if !fault.Is(err, "network_folder") || !strings.Contains(err.Error(), "nfs") {
		t.Errorf("refused with %v", err)
	}
}

func TestTheLastMountOfADeviceIsTheOneThatIsSeen(t *testing.T) {
	t.Parallel()
	const text = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
90 22 0:46 / /srv/a\040b rw,nosuid,nodev shared:5 master:2 - fuse.gocryptfs /plain rw,user_id=0
91 22 0:46 / /srv/c rw,nosuid,nodev - fuse.sshfs me@there:/ rw,user_id=0
odd line
92 22 0:47
93 22 0:48 / /x rw -
`
	for _, c := range []struct {
		major, minor uint32
		want         string
	}{{254, 1, "ext4"}, {0, 46, "fuse.sshfs"}, {0, 47, ""}, {0, 48, ""}, {0, 4, ""}, {54, 1, ""}} {
		if got := mountType(text, c.major, c.minor); got != c.want {
			t.Errorf("mountType(%d:%d) = %q, want %q", c.major, c.minor, got, c.want)
		}
	}
}

func TestTheTestsFolderIsLocal(t *testing.T) {
	t.Parallel()
	if err := localFolder(t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := localFolder(t.TempDir() + "/missing"); err == nil {
		t.Error("a folder that is not there was looked at")
	}
}

func TestACopyOnReadOnlyMediaCanBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, databaseFile)
	read, err := sql.Open("sqlite", readerDSN(path, false, false))
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var tables int
	if err := read.QueryRow("SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil || tables == 0 {
		t.Errorf("%d tables were read: %v", tables, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 { // the database and the lock
		t.Errorf("reading left %v beside the database: %v", files, err)
	}
	for _, c := range []struct{ log, writable bool }{{true, false}, {true, true}, {false, true}} {
		if strings.Contains(readerDSN(path, c.log, c.writable), "immutable") {
			t.Errorf("log=%v writable=%v: the file of a server that may run is taken as it is", c.log, c.writable)
		}
	}
}
