package inventory_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// shelf keeps documents, and lets another server do something before each.
type shelf struct {
	*blob.Folder
	before func()
}

func (s shelf) Put(ctx context.Context, r io.Reader, limit int64) (string, int64, error) {
	s.before()
	return s.Folder.Put(ctx, r, limit)
}

// Two servers read one source at once: what the slower one compared is no longer what is stored when it writes, and it says so of the
// newer wording, not of the one that it saw.
func TestADifferenceIsFromWhatIsStoredWhenItIsWritten(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1, "size", "one"), server(2, "size", "one"))
	_, n := f.differences(0)
	blobs, err := blob.Open(t.TempDir())
	f.must(err)
	t.Cleanup(func() { _ = blobs.Close() })
	another := func(before func(), records ...inventory.Record) *inventory.Desk {
		kind := inventory.Kind{Name: "hetzner", Mapper: 1, Absence: true, Every: time.Hour,
			Open: func(inventory.Input) (inventory.Source, error) { return &world{records: records}, nil }}
		return inventory.New(inventory.Deps{DB: f.db, People: everybody{}, Blobs: shelf{blobs, before}, Secrets: noSecrets{}, Kinds: []inventory.Kind{kind}})
	}
	read := func(d *inventory.Desk) {
		_, err := d.Read(t.Context(), fault.SystemActor("discovery"), "cloud", nil, "")
		f.must(err)
	}
	faster := another(func() {}, server(1, "size", "two", "extra", "yes"), server(2, "size", "one"))
	once := false
	slower := another(func() {
		if !once {
			once = true
			read(faster)
		}
	}, server(1, "size", "three"), server(2, "size", "three"))
	read(slower)
	got, _ := f.differences(n)
	want := []string{"update 1 extra >yes", "update 1 size one>two", "update 1 extra yes>", "update 1 size two>three", "update 2 size one>three"}
	if !slices.Equal(got, want) {
		t.Errorf("differences %q, want %q", got, want)
	}
	f.whole()
}
