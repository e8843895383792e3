package db

import (
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// Magic numbers of statfs(2) under which a file lies on another machine, or is shared with others. There
// neither locks nor the shared memory of SQLite's log can be relied on.
var networkMagic = map[uint32]string{
	0x00006969: "nfs",
	0x0000517b: "smb",
	0xff534d42: "cifs",
	0xfe534d42: "smb3",
	0x0000564c: "ncp",
	0x5346414f: "afs",
	0x6b414653: "kafs",
	0x73757245: "coda",
	0x00c36400: "ceph",
	0x0bd00bd0: "lustre",
	0x01161970: "gfs2",
	0x7461636f: "ocfs2",
	0x19830326: "fhgfs",
	0x47504653: "gpfs",
}

// fuseMagic is that of all file systems that a program serves; what it is says the mount's type.
const fuseMagic = 0x65735546

// networkFuse are the types of mounts of programs that fetch files from elsewhere.
var networkFuse = map[string]bool{"fuse.sshfs": true, "fuse.rclone": true, "fuse.s3fs": true, "fuse.goofys": true,
	"fuse.gcsfuse": true, "fuse.geesefs": true, "fuse.mount-s3": true, "fuse.davfs": true, "fuse.davfs2": true,
	"fuse.curlftpfs": true, "fuse.glusterfs": true, "fuse.ceph-fuse": true, "fuse.juicefs": true, "fuse.smbnetfs": true,
	"fuse.blobfuse": true, "fuse.blobfuse2": true, "fuse.beegfs": true, "fuse.moosefs": true, "fuse.mfs": true, "fuse.cifs": true}

// network names the network file system that a magic number and a mount's type stand for; "" for none.
// 9p and virtiofs pass: they carry a folder of the same machine into a virtual one or a sandbox, which
// locks it by itself. So does a FUSE mount that is not known to fetch from elsewhere.
func network(magic uint32, mount string) string {
	if magic == fuseMagic && networkFuse[mount] {
		return strings.TrimPrefix(mount, "fuse.")
	}
	return networkMagic[magic]
}

// mountType finds the type of the mount with a device's numbers in the text of /proc/self/mountinfo, ""
// when it is not there. Of several on one device the last one counts: it covers those before it.
func mountType(mountinfo string, major, minor uint32) (kind string) {
	device := strconv.FormatUint(uint64(major), 10) + ":" + strconv.FormatUint(uint64(minor), 10)
	for line := range strings.Lines(mountinfo) {
		mount, super, ok := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if !ok || len(fields) < 3 || fields[2] != device {
			continue
		}
		if words := strings.Fields(super); len(words) > 0 {
			kind = words[0]
		}
	}
	return kind
}

func onNetwork(name string) error {
	return fault.New(fault.Invalid, "network_folder",
		"The data folder is on a network file system (%s), where a SQLite database can be damaged.", name).
		FixedBy("the operator of the server").
		Then("plumb serve --data DIR on a local disk, or --database with the URL of a PostgreSQL")
}
