package prove_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
)

// member is one file of a pack that a test takes apart.
type member struct {
	name string
	body []byte
}

// unpack reads a pack as any tar does.
func unpack(t testing.TB, b []byte) (out []member) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		out = append(out, member{h.Name, body})
	}
}

// pack writes members as any tar of this form does, without the code under test.
func pack(t testing.TB, list []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range list {
		must(t, w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.body)), Format: tar.FormatUSTAR}))
		_, err := w.Write(m.body)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func at(t testing.TB, list []member, name string) int {
	t.Helper()
	i := slices.IndexFunc(list, func(m member) bool { return strings.HasPrefix(m.name, name) })
	if i < 0 {
		t.Fatalf("the pack has no %s", name)
	}
	return i
}

// summed computes SHA256SUMS again, as somebody without a key can.
func summed(t testing.TB, list []member) []member {
	t.Helper()
	n := at(t, list, "SHA256SUMS")
	var b bytes.Buffer
	for _, m := range list[:n] {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(m.body), m.name)
	}
	list = slices.Clone(list)
	list[n].body = b.Bytes()
	return list
}

// signed is summed with a new signature, as only who holds the server's key can: the server itself
// against its own ledger.
func signed(t testing.TB, key *seal.Key, list []member, counts ...func(*prove.Counts)) []byte {
	t.Helper()
	list = summed(t, list)
	n, s := at(t, list, "SHA256SUMS"), at(t, list, "signature.json")
	type predicate struct {
		Install  string       `json:"install"`
		Manifest string       `json:"manifest"`
		Counts   prove.Counts `json:"counts"`
	}
	var env seal.Envelope
	must(t, json.Unmarshal(list[s].body, &env))
	payload, err := env.DecodeB64Payload()
	must(t, err)
	var st seal.Statement[predicate]
	must(t, json.Unmarshal(payload, &st))
	st.Subject[0].Digest["sha256"] = strings.TrimPrefix(seal.Raw(list[n].body), "sha256:")
	if i := slices.IndexFunc(list, func(m member) bool { return m.name == "manifest.json" }); i >= 0 {
		st.Predicate.Manifest = seal.Raw(list[i].body)
	}
	st.Predicate.Counts.Members = int64(n)
	for _, c := range counts {
		c(&st.Predicate.Counts)
	}
	again, err := seal.Sign(key, st)
	must(t, err)
	body, err := seal.Canonical(again)
	must(t, err)
	list[s].body = append(body, '\n')
	return pack(t, list)
}

func TestOnePackHasOneSpelling(t *testing.T) {
	t.Parallel()
	y := history(t)
	b := y.export(t, y.all())
	if !bytes.Equal(pack(t, unpack(t, b)), b) {
		t.Error("another tar writes the same members differently")
	}
	if !bytes.Equal(signed(t, y.key, unpack(t, b)), b) {
		t.Error("the same key signs the same members differently")
	}
	if !bytes.Equal(y.export(t, y.all()), b) {
		t.Error("the same selection of the same record gives another pack")
	}
}

// Property p16: an export verifies or fails.
func TestEveryChangedByteIsFound(t *testing.T) {
	t.Parallel()
	y := history(t)
	for name, sel := range map[string]prove.Selection{"change": {Change: y.plan.ID}, "period": {From: y.first, To: y.second, Withhold: []string{prove.Files}}} {
		whole(t, y.export(t, sel), y.pinned())
		var wg sync.WaitGroup
		for part := range uint64(2) {
			wg.Go(func() { // two, for a machine with two processors
				b := y.export(t, sel)
				random := rand.New(rand.NewPCG(part, 42))
				for range 2_500 {
					i, flip := random.IntN(len(b)), byte(1+random.IntN(255))
					b[i] ^= flip
					if r := verify(t, b, y.pinned()); r.Whole() || len(r.Proved) > 0 {
						t.Errorf("%s: byte %d of %d changed by %#x is not found", name, i, len(b), flip)
					}
					b[i] ^= flip
				}
			})
		}
		wg.Wait()
	}
}

// The framework of the file is small enough for every byte of it.
func TestEveryByteOfTheFrameworkIsFound(t *testing.T) {
	t.Parallel()
	y := history(t)
	b := y.export(t, prove.Selection{Change: y.toggle.ID})
	offset := 0
	for _, m := range unpack(t, b) {
		check := func(from, to int) {
			for i := from; i < to; i++ {
				b[i] ^= 0x20
				if r := verify(t, b, y.pinned()); r.Whole() {
					t.Errorf("byte %d near %s is not found", i, m.name)
				}
				b[i] ^= 0x20
			}
		}
		body := offset + 512
		padded := body + (len(m.body)+511)/512*512
		check(offset, body)
		check(body+len(m.body), padded)
		if m.name == "signature.json" || m.name == "manifest.json" || m.name == "checkpoint" || m.name == "keys.json" || m.name == "plumb.evidence" {
			check(body, body+len(m.body))
		}
		offset = padded
	}
}

func TestCutAndLengthenedFilesAreFound(t *testing.T) {
	t.Parallel()
	y := history(t)
	b := y.export(t, prove.Selection{Change: y.toggle.ID})
	for n := 0; n < len(b); n += 1 + n/200 {
		if r := verify(t, b[:n], y.pinned()); r.Whole() {
			t.Errorf("cut to %d of %d bytes is not found", n, len(b))
		}
	}
	for _, more := range [][]byte{{0}, {'x'}, make([]byte, 512), make([]byte, 10240), b} {
		if r := verify(t, append(slices.Clone(b), more...), y.pinned()); r.Whole() {
			t.Errorf("%d more bytes are not found", len(more))
		}
	}
	for _, n := range []int{512, 1024} {
		if r := verify(t, b[:len(b)-n], y.pinned()); r.Whole() {
			t.Errorf("the end cut by %d is not found", n)
		}
	}
}

// Whoever has no key can compute all digests again, and gets nowhere.
func TestMovedMembersAreFoundWithoutTheKey(t *testing.T) {
	t.Parallel()
	y := history(t)
	list := unpack(t, y.export(t, y.all()))
	end := at(t, list, "SHA256SUMS")
	other, err := seal.NewKey()
	must(t, err)
	found := func(what string, changed []member) {
		t.Helper()
		for how, b := range map[string][]byte{"as it is": pack(t, changed), "summed again": pack(t, summed(t, changed)), "signed with another key": signed(t, other, changed)} {
			if r := verify(t, b, y.pinned()); r.Whole() {
				t.Errorf("%s, %s: not found", what, how)
			}
		}
	}
	for i := range end {
		found("without "+list[i].name, slices.Delete(slices.Clone(list), i, i+1))
		found("twice "+list[i].name, slices.Insert(slices.Clone(list), i, list[i]))
		if i+1 < end {
			swapped := slices.Clone(list)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			found("swapped "+list[i].name, swapped)
			swapped = slices.Clone(list)
			swapped[i].body, swapped[i+1].body = swapped[i+1].body, swapped[i].body
			found("contents swapped "+list[i].name, swapped)
		}
		longer := slices.Clone(list)
		longer[i].body = append(slices.Clone(longer[i].body), '\n')
		found("longer "+list[i].name, longer)
	}
	found("with a stranger", slices.Insert(slices.Clone(list), end, member{"documents/" + strings.Repeat("f", 64), []byte("x")}))
	found("with a path out of it", slices.Insert(slices.Clone(list), end, member{"../evil", []byte("x")}))
}

func TestPacksOfAnotherInstallAreNotTaken(t *testing.T) {
	t.Parallel()
	y := history(t)
	other := found(t, "install_beta")
	x := other.done(t)
	foreign := other.export(t, prove.Selection{Change: x.ID})
	whole(t, foreign, other.pinned())
	has(t, verify(t, foreign, y.pinned()), "other_key")
	has(t, verify(t, foreign, prove.Options{Ledger: y.log.VerifierKey()}), "other_key")

	// The server with its own key cannot pass off another install's record as its own either.
	mine, theirs := unpack(t, y.export(t, prove.Selection{Change: x.ID})), unpack(t, foreign)
	for _, name := range []string{"checkpoint", "changes/", "roles.jsonl", "policies.jsonl", "keys.json", "manifest.json"} {
		mixed := slices.Clone(mine)
		mixed[at(t, mixed, name)].body = theirs[at(t, theirs, name)].body
		if r := verify(t, signed(t, y.key, mixed), y.pinned()); r.Whole() {
			t.Errorf("%s of another install is not found", name)
		}
	}
}
