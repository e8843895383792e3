package probe

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"net/url"
	"os"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the form of rpm's database since 4.16: Fedora 33, RHEL 9
)

// rpmDirs are where rpm keeps its database; on newer systems the second leads to the first.
var rpmDirs = []string{"usr/lib/sysimage/rpm", "var/lib/rpm"}

var (
	errOldRPM  = errors.New("rpm's database is in a form that is not read (Berkeley DB or ndb)")
	errBusyRPM = errors.New("rpm's database was being written")
	errHeader  = errors.New("a header of rpm's database is damaged")
)

// rpm notes every package of rpm's database. A database of a form that is not read is an error: no package would be a lie.
func (t tree) rpm(ctx context.Context, held map[string][]string) error {
	for _, dir := range rpmDirs {
		if t.has(dir + "/rpmdb.sqlite") {
			return t.rpmRows(ctx, dir+"/rpmdb.sqlite", held)
		}
	}
	for _, dir := range rpmDirs {
		if t.has(dir+"/Packages") || t.has(dir+"/Packages.db") {
			return errOldRPM
		}
	}
	return nil
}

// rpmRows reads the headers one by one, as a reader that makes no file and takes no lock that a writer would wait for. What was written
// meanwhile may be torn, so then nothing is taken.
func (t tree) rpmRows(ctx context.Context, name string, held map[string][]string) (err error) {
	before, err := t.written(name)
	if err != nil {
		return err
	}
	q := "mode=ro&immutable=1"
	if before.log > 0 { // what a writer has not brought into the file yet stands beside it
		q = "mode=ro&readonly_shm=1"
	}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: t.at(name)}).EscapedPath(), RawQuery: q}).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	rows, err := pool.QueryContext(ctx, "SELECT blob FROM Packages")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found := map[string][]string{}
	for rows.Next() {
		var blob sql.RawBytes
		if err := rows.Scan(&blob); err != nil {
			return err
		}
		p, err := readHeader(blob)
		if err != nil {
			return err
		}
		found[p.name] = append(found[p.name], p.wording())
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if after, err := t.written(name); err != nil || after != before {
		return errors.Join(errBusyRPM, err)
	}
	for name, list := range found {
		held[name] = append(held[name], list...)
	}
	return nil
}

// written says when a database was last written, and how much of it is in its log.
type written struct {
	at        time.Time
	size, log int64
}

func (t tree) written(name string) (w written, err error) {
	s, err := os.Stat(t.at(name))
	if err != nil {
		return w, err
	}
	w.at, w.size = s.ModTime(), s.Size()
	if s, err := os.Stat(t.at(name + "-wal")); err == nil {
		w.log = s.Size()
	}
	return w, nil
}

// rpmPackage is what of a header is a fact.
type rpmPackage struct {
	name, version, release, arch string
	epoch                        uint32
}

// wording is the version as rpm writes it, and the architecture where there is one: an imported key has none.
func (p rpmPackage) wording() string {
	s := p.version + "-" + p.release
	if p.epoch > 0 {
		s = strconv.FormatUint(uint64(p.epoch), 10) + ":" + s
	}
	if p.arch != "" {
		s += " " + p.arch
	}
	return s
}

// The tags and types of a header, and the most entries and bytes that rpm itself takes (lib/header.c).
const (
	tagName, tagVersion, tagRelease, tagEpoch, tagArch = 1000, 1001, 1002, 1003, 1022
	typeInt32, typeString                              = 4, 6
	maxEntries, maxHeader                              = 0xffff, 256 << 20
)

// readHeader reads a header as the database holds it: two counts, an index of four numbers an entry, and the data that the index points
// into; all numbers are big-endian.
func readHeader(b []byte) (p rpmPackage, err error) {
	if len(b) < 8 {
		return p, errHeader
	}
	entries, size := uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:]))
	if entries == 0 || entries > maxEntries || size > maxHeader || 8+16*entries+size != uint64(len(b)) {
		return p, errHeader
	}
	data := b[8+16*entries:]
	texts := map[uint32]*string{tagName: &p.name, tagVersion: &p.version, tagRelease: &p.release, tagArch: &p.arch}
	for i := range entries {
		e := b[8+16*i:]
		tag, kind, offset := binary.BigEndian.Uint32(e), binary.BigEndian.Uint32(e[4:]), uint64(binary.BigEndian.Uint32(e[8:]))
		to, text := texts[tag]
		switch {
		case !text && tag != tagEpoch:
		case offset >= size:
			return p, errHeader
		case text && kind == typeString:
			*to = cString(data[offset:])
		case tag == tagEpoch && kind == typeInt32 && offset+4 <= size:
			p.epoch = binary.BigEndian.Uint32(data[offset:])
		default:
			return p, errHeader
		}
	}
	if p.name == "" || p.version == "" {
		return p, errHeader
	}
	return p, nil
}

// cString gives the text up to the first zero; "" where it does not end.
func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return ""
}
