package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func verifyCommand(a *app) *cobra.Command {
	var ledgerKey, permitKey, earlier string
	cmd := a.leaf("verify FILE", "Check a permit, an evidence pack or the proof of an event; needs no server", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		var o prove.Options
		if ledgerKey != "" {
			var err error
			if o.Ledger, err = publicLedgerKey(ledgerKey); err != nil {
				return err
			}
		}
		if err := pinsNothing(cmd); err != nil {
			return err
		}
		permitKey = either(permitKey, a.getenv("PLUMB_PERMIT_KEY"))
		if permitKey != "" {
			b, err := os.ReadFile(permitKey)
			if err != nil {
				return fileFault(permitKey, err)
			}
			if o.Permit, err = parsePublic(b); err != nil {
				return err
			}
		}
		if earlier != "" {
			var err error
			if o.Earlier, err = os.ReadFile(earlier); err != nil {
				return fileFault(earlier, err)
			}
		}
		f, err := os.Open(args[0])
		if err != nil {
			return fileFault(args[0], err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return fileFault(args[0], fmt.Errorf("not a regular file: %w", err))
		}
		if text := maybeProof(f, info.Size()); text != nil {
			return a.verifyProof(text, o.Ledger)
		}
		if envelope := maybePermit(f, info.Size()); envelope != nil {
			return a.verifyPermit(envelope, o.Permit)
		}
		r, err := prove.Verify(cmd.Context(), f, info.Size(), o)
		if err != nil {
			return err
		}
		return a.packReport(r)
	})
	cmd.Long = `Checks a permit, an evidence pack or the proof of one event without a server. It says what was proven, and what was not.

Without --ledger-key and --permit-key a pack is checked with the keys that stand in it: that shows that
nothing was changed since it was signed, not who signed it. Pin the keys that plumb keys prints.`
	f := cmd.Flags()
	f.StringVar(&ledgerKey, "ledger-key", "", "the ledger's public key, as plumb keys prints it")
	f.StringVar(&permitKey, "permit-key", "", "PEM file of the key that signs permits, else PLUMB_PERMIT_KEY")
	f.StringVar(&earlier, "checkpoint", "", "file with an earlier checkpoint, to prove that the ledger goes on from it")
	return cmd
}

// pinsNothing refuses a key or a checkpoint that is named and empty, as an unset variable of a script is.
func pinsNothing(cmd *cobra.Command) error {
	for _, name := range []string{"ledger-key", "permit-key", "checkpoint"} {
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return fault.New(fault.Invalid, "empty_pin", "--%s is empty, so nothing would be held to it.", name).
				FixedBy("you").Then("give its value, or leave --%s out", name)
		}
	}
	return nil
}

// maybeProof gives the bytes of the proof of one event; nil means that the file is something else.
func maybeProof(f *os.File, size int64) []byte {
	if size > maxPermit {
		return nil
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil || !prove.IsProof(b) {
		return nil
	}
	return b
}

// verifyProof checks the proof of one event. Without a key nothing is shown: the file names none.
func (a *app) verifyProof(text []byte, key string) error {
	if key == "" {
		all, err := a.pins()
		if err != nil {
			return err
		}
		if url, err := a.address(); err == nil {
			key = all[url].Ledger
		}
	}
	if key == "" {
		return fault.New(fault.Invalid, "no_ledger_key", "The proof of an event is checked with the ledger's key, and it is not at hand.").
			FixedBy("you").Then("plumb verify FILE --ledger-key KEY")
	}
	p, leaf, err := prove.CheckProof(text, key)
	if err != nil {
		return notWhole(err)
	}
	v := struct {
		Proved  bool   `json:"proved"`
		Seq     int64  `json:"seq"`
		Size    int64  `json:"size"`
		Verb    string `json:"verb"`
		Object  string `json:"object"`
		Outcome string `json:"outcome"`
		At      int64  `json:"at"`
	}{true, p.Seq, p.Size, leaf.Verb, leaf.Object.ID, leaf.Outcome, leaf.TS}
	return a.emitValue(v, func(w io.Writer) error {
		g := a.page(w)
		g.said(green, "proved", p.Sentence())
		g.item("what", leaf.Verb+" "+clean(leaf.Object.ID)+", "+leaf.Outcome)
		g.item("when", at(leaf.TS))
		return g.err
	})
}

// maxPermit is far above the size of any permit.
const maxPermit = 4 << 20

// maybePermit gives the bytes of a permit: a DSSE envelope, alone or inside the verdict of a gate. nil
// means that the file is something else.
func maybePermit(f *os.File, size int64) []byte {
	if size > maxPermit {
		return nil
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil || !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return nil
	}
	var v struct {
		Permit  *seal.Envelope    `json:"permit"`
		Verdict *wire.GateVerdict `json:"verdict"`
	}
	if json.Unmarshal(b, &v) == nil && v.Permit != nil {
		if inner, err := marshal(v.Permit); err == nil {
			return inner
		}
	}
	return b
}

func (a *app) verifyPermit(envelope []byte, key *seal.Key) error {
	if key == nil {
		k, err := a.pinnedPermitKey()
		if err != nil {
			return err
		}
		key = k
	}
	p, err := prove.VerifyPermit(envelope, key)
	if err != nil {
		return notWhole(err)
	}
	return a.emitValue(p, func(w io.Writer) error {
		g := a.page(w)
		g.printf("%s permit %s\n", g.paint(green, "Genuine"), clean(p.ID))
		g.item("change", fmt.Sprintf("%s %s", p.Change, p.Rev))
		g.item("releases", fmt.Sprintf("%s in %s, attempt %d", p.Kind, p.Env, p.Attempt))
		if p.Kind == wire.KindPlan {
			g.item("", "nothing that is approved: only terraform plan may run under it")
		}
		for _, b := range p.Bindings {
			g.item("", fmt.Sprintf("%s %s %s", b.Kind, b.Name, b.Digest))
		}
		g.item("to", p.Executor)
		g.item("valid", at(p.NotBefore)+" until "+at(p.Expires)+", "+a.ago(p.Expires))
		g.item("by", p.Install)
		return g.err
	})
}

// pinnedPermitKey is the key of the server that this machine knows, or the only one that it knows.
func (a *app) pinnedPermitKey() (*seal.Key, error) {
	all, err := a.pins()
	if err != nil {
		return nil, err
	}
	if url, err := a.address(); err == nil && all[url].Permits != "" {
		return parsePublic([]byte(all[url].Permits))
	}
	return nil, fault.New(fault.Invalid, "no_permit_key", "The key that signs permits is not at hand, and without it a permit proves nothing.").
		FixedBy("you").Then("plumb verify --permit-key FILE, with the PEM from plumb keys")
}

// notWhole is the exit code of what does not verify.
func notWhole(err error) error {
	if f := fault.Of(err); f.Kind != fault.Internal {
		return fault.New(fault.Stale, f.Code, "%s", f.Message).Because("verify", "").FixedBy("whoever gave you the file").Then("ask for it again; do not rely on this one").From(err)
	}
	return fault.New(fault.Stale, "not_whole", "The file does not verify: %s", clean(err.Error())).Because("verify", "").
		FixedBy("whoever gave you the file").Then("ask for it again; do not rely on this one").From(err)
}

// said writes a coloured word with a sentence, which goes on under itself.
func (p *page) said(code, word, text string) {
	word = clean(word)
	for _, part := range wrap(clean(text), p.cols-utf8.RuneCountInString(word)-1) {
		p.printf("%s %s\n", p.paint(code, word), part)
		word, code = strings.Repeat(" ", utf8.RuneCountInString(word)), ""
	}
}

// packReport says what a pack proves, one line each; 5 where anything is wrong.
func (a *app) packReport(r *prove.Report) error {
	err := a.emitValue(r, func(w io.Writer) error {
		p := a.page(w)
		for _, f := range r.Faults {
			p.said(red, f.What, strings.TrimSpace(f.Where+" "+f.Text))
		}
		for _, s := range r.Proved {
			p.said(green, "proved    ", s)
		}
		for _, s := range r.NotProved {
			p.said(yellow, "not proved", s)
		}
		word, code := "whole", green
		if !r.Whole() {
			word, code = "NOT WHOLE", red
		}
		for _, part := range wrap(fmt.Sprintf("The pack is %s: %s, %s, %s, %s.", word, counted(r.Counts.Changes, "change"), counted(r.Decisions, "decision"),
			counted(r.Permitted, "permit"), counted(r.Counts.Documents, "document")), p.cols) {
			p.printf("%s\n", strings.Replace(part, word, p.paint(code, word), 1))
		}
		if !r.Pinned {
			beside := &page{w: a.err, cols: width(a.err)}
			beside.folded("", "Checked with the keys in the pack itself; pin them with --ledger-key and --permit-key to know who signed.")
		}
		return p.err
	})
	if err == nil && !r.Whole() {
		return status(wire.ExitMismatch)
	}
	return err
}
