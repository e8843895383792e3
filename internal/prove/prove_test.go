package prove_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/prove"
)

func (y *years) all() prove.Selection { return prove.Selection{From: y.start, To: y.end} }

func TestAPeriodIsProvedWithItsWholePopulation(t *testing.T) {
	t.Parallel()
	y := history(t)
	r := whole(t, y.export(t, y.all()), y.pinned())
	if r.Counts.Changes < 10 || r.Decisions < 15 || r.Permitted < 8 || !r.Pinned {
		t.Errorf("report %+v, want the whole history", r)
	}
	says(t, r.Proved, "signed by install install_alpha", "without a gap: together they give the signed root", "The population is complete",
		"with at least 2 different people", "by a standard model", "within the life of its approvals", "failure, ", "closed with a code", "that the changes refer to",
		"roles in which people decided are shown")
	says(t, r.NotProved, "no independent witness", "asserted by the server", "server's clock", "names are the server's word", "outside the gate")
	for _, s := range r.NotProved {
		if strings.Contains(s, "keys are those in the pack") {
			t.Errorf("pinned keys, but: %s", s)
		}
	}
}

func TestChangesOfAPeriodAreThoseThatSomethingHappenedTo(t *testing.T) {
	t.Parallel()
	y := history(t)
	middle := prove.Selection{From: y.first, To: y.second}
	all := whole(t, y.export(t, y.all()), y.pinned())
	for _, short := range []bool{false, true} {
		middle.Short = short
		r := whole(t, y.export(t, middle), y.pinned())
		// All but the first, which was closed before, and the three that were filed after.
		if r.Counts.Changes != all.Counts.Changes-4 {
			t.Errorf("short %v: %d changes of %d, want all but four", short, r.Counts.Changes, all.Counts.Changes)
		}
		says(t, r.Proved, "outside the run, each with a proof")
		if short {
			says(t, r.NotProved, "nothing more happened to the changes after event")
		}
	}
	empty := whole(t, y.export(t, prove.Selection{From: y.end.Add(time.Hour), To: y.end.Add(2 * time.Hour)}), y.pinned())
	if empty.Counts.Changes != 0 {
		t.Errorf("an empty period has %d changes", empty.Counts.Changes)
	}
	says(t, empty.Proved, "The population is complete")
	says(t, empty.NotProved, "goes on past the newest checkpoint")
}

// A pack cannot continue a checkpoint that is newer than the ledger, and says so.
func TestACheckpointOfTheFutureIsNotContinued(t *testing.T) {
	t.Parallel()
	y := history(t)
	for name, sel := range map[string]prove.Selection{"one change": {Change: y.plan.ID}, "a period": y.all()} {
		sel.Since = 1 << 40
		if err := prove.Write(t.Context(), &bytes.Buffer{}, y.source(), sel); !fault.Is(err, "newer_checkpoint") {
			t.Errorf("%s: %v, want newer_checkpoint", name, err)
		}
	}
}

// A document that is not stored here any more is missing from the pack, which says so.
func TestADocumentThatIsGoneIsNamedAsMissing(t *testing.T) {
	t.Parallel()
	y := history(t)
	empty, err := blob.Open(t.TempDir())
	must(t, err)
	source := y.source()
	source.Blobs = empty
	var b bytes.Buffer
	must(t, prove.Write(t.Context(), &b, source, prove.Selection{Change: y.plan.ID}))
	r := whole(t, b.Bytes(), y.pinned())
	if r.Counts.Documents != 0 {
		t.Errorf("%d documents out of an empty folder", r.Counts.Documents)
	}
	says(t, r.NotProved, "withheld, or not stored")
}

func TestOneChangeIsProvedFromRequestToClosure(t *testing.T) {
	t.Parallel()
	y := history(t)
	for name, id := range map[string]string{"plan": string(y.plan.ID), "toggle": string(y.toggle.ID), "carried": string(y.moved.ID), "old": string(y.old.ID)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := y.export(t, prove.Selection{Change: y.plan.ID})
			if id != string(y.plan.ID) {
				for _, c := range []prove.Selection{{Change: y.toggle.ID}, {Change: y.moved.ID}, {Change: y.old.ID}} {
					if string(c.Change) == id {
						b = y.export(t, c)
					}
				}
			}
			r := whole(t, b, y.pinned())
			if r.Change != id || r.Kind != "change" || r.Counts.Changes != 1 {
				t.Errorf("report %+v, want %s", r, id)
			}
			says(t, r.Proved, "of "+id+" in the signed tree", "permit is signed", "1 execution: 1 success")
			says(t, r.NotProved, "nothing more happened to "+id)
		})
	}
}

func TestWithoutKeysFromOutsideTheReportSaysWhoseTheyAre(t *testing.T) {
	t.Parallel()
	y := history(t)
	r := whole(t, y.export(t, prove.Selection{Change: y.plan.ID}), prove.Options{})
	says(t, r.NotProved, "The keys are those in the pack. Compare their fingerprints")
	if r.Pinned {
		t.Error("pinned without keys from outside")
	}
}

func TestAnEarlierCheckpointIsContinued(t *testing.T) {
	t.Parallel()
	y := history(t)
	opt := y.pinned()
	opt.Earlier = y.before
	size := verify(t, y.export(t, y.all()), opt)
	says(t, size.Proved, "continues the checkpoint") // it is inside the run

	late := prove.Selection{From: y.second, To: y.end}
	r := whole(t, y.export(t, late), opt)
	says(t, r.NotProved, "export again with a proof since")
	for _, one := range []prove.Selection{late, {Change: y.plan.ID}} {
		one.Since = sizeOf(t, y.before)
		r = whole(t, y.export(t, one), opt)
		says(t, r.Proved, "continues the checkpoint")
	}
}

func TestSelectionsThatMakeNoSenseAreRefusedBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	y := history(t)
	for name, c := range map[string]struct {
		sel  prove.Selection
		code string
	}{
		"nothing":          {prove.Selection{}, "bad_selection"},
		"both":             {prove.Selection{Change: "CHG-000001", From: y.start, To: y.end}, "bad_selection"},
		"backwards":        {prove.Selection{From: y.end, To: y.start}, "bad_selection"},
		"unknown withhold": {prove.Selection{Change: "CHG-000001", Withhold: []string{"everything"}}, "bad_selection"},
		"no such change":   {prove.Selection{Change: "CHG-009999"}, "no_change"},
		"from the future":  {prove.Selection{Change: "CHG-000001", Since: 1 << 40}, "newer_checkpoint"},
	} {
		var b bytes.Buffer
		err := prove.Write(t.Context(), &b, y.source(), c.sel)
		if !fault.Is(err, c.code) || b.Len() != 0 {
			t.Errorf("%s: %v after %d bytes, want %s", name, err, b.Len(), c.code)
		}
	}
}

func sizeOf(t *testing.T, note []byte) int64 {
	t.Helper()
	lines := strings.SplitN(string(note), "\n", 3)
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
