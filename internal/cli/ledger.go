package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func ledgerCommand(a *app) *cobra.Command {
	return a.group("ledger", "The append-only record", a.ledgerVerify(), a.ledgerShow(), a.ledgerCheckpoint())
}

// ledgerVerify works on the database itself, beside a running server or without one: who checks must not
// have to trust what is checked.
func (a *app) ledgerVerify() *cobra.Command {
	var data, database, schema, key string
	cmd := a.leaf("verify", "Recompute the whole ledger and compare every row with it; needs no server", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		a.warnPassword("database", database)
		database = either(database, a.getenv("PLUMB_DATABASE"))
		data = either(data, a.getenv("PLUMB_DATA"), "plumb-data")
		vkey, err := a.ledgerKey(key, data)
		if err != nil {
			return err
		}
		d, err := db.OpenReader(cmd.Context(), db.Config{Dir: data, URL: database, Schema: schema})
		if err != nil {
			return err
		}
		defer d.Close()
		r, err := ledger.Verify(cmd.Context(), d, vkey, a.counting())
		if err != nil {
			return fmt.Errorf("verify ledger: %w", err)
		}
		p, err := reconcile.Prove(cmd.Context(), d)
		if db.IsCorrupt(err) {
			p.Faults, err = append(p.Faults, ledger.Fault{What: "storage", Text: "What was observed and judged cannot be read."}), nil
		}
		if err != nil {
			return fmt.Errorf("verify verdicts: %w", err)
		}
		r.Faults = append(r.Faults, p.Faults...)
		return a.verified(verified{r, p})
	})
	f := cmd.Flags()
	f.StringVar(&data, "data", "", "data folder of the server, else PLUMB_DATA, else plumb-data")
	f.StringVar(&database, "database", "", "postgres:// URL, else PLUMB_DATABASE, else SQLite in the data folder")
	f.StringVar(&schema, "database-schema", "", "PostgreSQL schema")
	f.StringVar(&key, "key", "", "the ledger's public key as plumb keys prints it, else from the data folder, else as pinned at login")
	return cmd
}

// ledgerKey finds the public key: given, in the data folder, or pinned when the server was first met.
func (a *app) ledgerKey(given, data string) (string, error) {
	if given != "" {
		return publicLedgerKey(given)
	}
	install, err := os.ReadFile(filepath.Join(data, "keys", "install"))
	if err == nil {
		k, err := seal.OpenKey(filepath.Join(data, "keys", "ledger.key"), false)
		if err != nil {
			return "", err
		}
		return ledger.VerifierKey("plumbline.dev/"+strings.TrimSpace(string(install)), k.PublicBytes())
	}
	url, addressErr := a.address()
	all, pinErr := a.pins()
	if addressErr == nil && pinErr == nil && all[url].Ledger != "" {
		return all[url].Ledger, nil
	}
	return "", fault.New(fault.Invalid, "no_ledger_key", "The ledger's public key is not at hand, and without it nothing is proven.").
		FixedBy("you").Then("plumb ledger verify --data DIR, or --key with the output of plumb keys").From(err)
}

// publicLedgerKey reads the ledger's public key that somebody gave, alone or with all that plumb keys prints. What is no key proves nothing
// and must not look as if the ledger were wrong.
func publicLedgerKey(given string) (string, error) {
	if vkey, ok := ledger.FindKey(given); ok {
		return vkey, nil
	}
	return "", fault.New(fault.Invalid, "bad_ledger_key", "That is not a ledger's public key, so nothing was verified with it.").
		FixedBy("you").Then("take it from: plumb keys")
}

// counting shows on a terminal how far a long verification is.
func (a *app) counting() func(done, of int64) {
	if !isTerminal(a.err) {
		return func(int64, int64) {}
	}
	return func(done, of int64) {
		fmt.Fprintf(a.err, "\r\x1b[K%d of %d events", done, of)
		if done >= of {
			fmt.Fprint(a.err, "\r\x1b[K")
		}
	}
}

// verified is what verification saw: of the ledger, and of the verdicts on what was observed.
type verified struct {
	*ledger.Report
	Reconciled reconcile.Proof `json:"reconciled"`
}

// verified says what was found: one line for each fault, and 5 where there is any.
func (a *app) verified(r verified) error {
	err := a.emitValue(r, func(w io.Writer) error {
		for _, f := range r.Faults {
			fmt.Fprintf(w, "%s %s\n", a.paint(w)(red, f.What), clean(strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Table, f.ID, f.Text))))
		}
		word := a.paint(w)(green, "whole")
		if len(r.Faults) > 0 {
			word = a.paint(w)(red, "NOT WHOLE")
		}
		_, err := fmt.Fprintf(w, "The ledger is %s: %d events, %d rows, %d checkpoints, signed up to %d, root %s.\n", word, r.Events, r.Rows, r.Checkpoints, r.Size, r.Root)
		if r.Unsigned > 0 {
			a.note("%d newer events are not in a signed checkpoint yet.", r.Unsigned)
		}
		if p := r.Reconciled; p.Differences > 0 {
			a.note("%d of %d differences in configuration or security have their verdict; %d wait for it.", p.Judged, p.Differences, p.Waiting)
		}
		return err
	})
	if err == nil && len(r.Faults) > 0 {
		return status(wire.ExitMismatch)
	}
	return err
}

func (a *app) ledgerShow() *cobra.Command {
	var from int64
	var most int
	var object string
	cmd := a.remote("show", "Read events", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Events(cmd.Context(), from, most, object)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error { return a.writeEntries(w, r.Value.Items, a.namesOf(cmd.Context(), c)) })
	})
	cmd.Flags().Int64Var(&from, "from", 0, "number of the first event")
	cmd.Flags().IntVar(&most, "limit", 100, "most to read")
	cmd.Flags().StringVar(&object, "object", "", "only events about this object, such as CHG-000007")
	return cmd
}

// namesOf gives names for ids; who may not read people sees the ids.
func (a *app) namesOf(ctx context.Context, c *client.Client) map[string]string {
	out := map[string]string{}
	n := &names{c: c}
	if err := n.load(ctx); err != nil {
		return out
	}
	for _, h := range n.people {
		out[h.Person.ID] = h.Person.Name
	}
	return out
}

// nameIn gives the name of an id, or the id where no name is known.
func nameIn(names map[string]string, id string) string { return clean(either(names[id], id)) }

func (a *app) ledgerCheckpoint() *cobra.Command {
	return a.leaf("checkpoint", "Print the newest signed checkpoint; keep it elsewhere, and nobody can rewind", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.anonymous()
		if err != nil {
			return err
		}
		b, err := c.Checkpoint(cmd.Context())
		if err != nil {
			return err
		}
		return a.emitValue(struct {
			Checkpoint string `json:"checkpoint"`
		}{string(b)}, func(w io.Writer) error {
			_, err := w.Write(b)
			return err
		})
	})
}

func keysCommand(a *app) *cobra.Command {
	return a.remote("keys", "Print the public keys of the server: what auditors pin", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Keys(cmd.Context())
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "install  %s\nledger   %s\n%s", clean(r.Value.Install), clean(r.Value.Ledger), r.Value.Permits)
			return err
		})
	})
}
