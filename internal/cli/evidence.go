package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

func evidenceCommand(a *app) *cobra.Command {
	return a.group("evidence", "Bring evidence; take evidence packs away", a.evidenceAdd(), a.evidenceExport())
}

func (a *app) evidenceAdd() *cobra.Command {
	var format, kind, subject string
	var bare bool
	cmd := a.leaf("add CHANGE FILE", "Add the result of a test, scan or analysis to a change", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		c, v, err := a.seen(cmd, args[0], "")
		if err != nil {
			return err
		}
		body, err := readWhole(args[1])
		if err != nil {
			return err
		}
		about, err := subjectOf(v.Material, subject)
		if err != nil {
			return err
		}
		if format == "" || format == "auto" {
			if format, err = detect(body, kind); err != nil {
				return err
			}
		}
		q := url.Values{"format": {format}, "subject": {about}, "name": {filepath.Base(args[1])}}
		if kind != "" {
			q.Set("kind", kind)
		}
		if !bare {
			clean, n := evidence.Redact(body)
			if body = clean; n > 0 {
				a.note("%s: what looks like a secret is masked in %d places", filepath.Base(args[1]), n)
				q.Set("masked", strconv.Itoa(n))
			}
		}
		r, err := c.AddEvidence(cmd.Context(), v.Change.ID, q, body)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			paint := a.paint(w)
			word := paint(green, r.Value.Status)
			if r.Value.Status != "pass" {
				word = paint(red, r.Value.Status)
			}
			_, err := fmt.Fprintf(w, "%s %s %s: %s\n", v.Change.ID, clean(r.Value.Kind), word, clean(r.Value.Why))
			return err
		})
	})
	cmd.Long = `Adds evidence: JUnit XML, SARIF 2.1, Trivy JSON, CycloneDX, or any file as attached. What it says is read
by the server; a status cannot be claimed. It is about one of the things that the change would run.
What looks like a secret is masked before the file is sent, and once more before the server keeps it.`
	f := cmd.Flags()
	f.StringVar(&format, "format", "auto", "junit, sarif, trivy, cyclonedx, attached, or auto")
	f.StringVar(&kind, "kind", "", "evidence kind that an attached file stands for")
	f.StringVar(&subject, "subject", "", "what it is about: a digest, or the name or kind of a binding; else the only one")
	f.BoolVar(&bare, "raw", false, "do not mask before sending; the server masks all the same")
	completeWords(cmd, "format", "auto", "junit", "sarif", "trivy", "cyclonedx", "attached")
	return cmd
}

// detect finds the format of a file. Attached is never guessed, save where the kind is one that only an
// attached file can stand for.
func detect(body []byte, kind string) (string, error) {
	parsed := []string{"", string(evidence.Tests), string(evidence.StaticAnalysis), string(evidence.SecurityScan), string(evidence.SBOM)}
	if !slices.Contains(parsed, kind) {
		return string(evidence.Attached), nil
	}
	f, err := evidence.Detect(bytes.NewReader(body))
	return string(f), err
}

// subjectOf finds what evidence is about.
func subjectOf(m wire.Material, word string) (string, error) {
	if isDigest(word) {
		return word, nil
	}
	var found []string
	for _, b := range m.Bindings {
		if word == "" || word == b.Name || word == b.Kind || word == b.Commit && word != "" {
			found = append(found, b.Digest)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(m.Bindings) == 0 {
		return "", fault.New(fault.Invalid, "which_subject", "The change binds nothing yet, so evidence could be about nothing.").
			Because("tested", "policy statement (c)").FixedBy("its author").Then("plumb change edit --help, and bind a plan, file, image, script or commit")
	}
	e := fault.New(fault.Invalid, "which_subject", "Say what the evidence is about; the change runs %d things that fit.", len(found)).
		Because("tested", "policy statement (c)").FixedBy("you").Then("--subject NAME")
	for _, b := range m.Bindings {
		e.At(b.Name, b.Kind+" "+brief(b.Digest))
	}
	return "", e
}

func (a *app) evidenceExport() *cobra.Command {
	var from, to, out, word, earlier string
	var withhold []string
	var short bool
	cmd := a.leaf("export [CHANGE]", "Write an evidence pack: one change, or a period", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		if slices.Contains([]string{"table", "json", "yaml"}, word) {
			a.opts.output = word
		} else {
			out = either(out, word)
		}
		q := client.ExportRequest{Withhold: withhold, Short: short}
		if len(args) == 1 {
			q.Change = args[0]
		}
		var err error
		if q.Since, err = a.sizeIn(earlier); err != nil {
			return err
		}
		if q.From, q.To, err = a.span(from, to); err != nil {
			return err
		}
		if out == "" {
			out = either(q.Change, "plumb-"+q.From[:min(len(q.From), len(time.DateOnly))]) + ".pack"
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		n, err := exportTo(out, func(w io.Writer) (int64, error) { return c.Export(cmd.Context(), q, w) })
		if err != nil {
			return err
		}
		return a.emitValue(struct {
			File  string `json:"file"`
			Bytes int64  `json:"bytes"`
		}{out, n}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "Wrote %s, %d KiB. Check it anywhere: plumb verify %s\n", out, (n+1023)/1024, out)
			return err
		})
	})
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "begin of the period")
	f.StringVar(&to, "to", "", "end of the period, else now")
	f.StringVarP(&out, "file", "f", "", "file to write")
	f.StringVarP(&word, "output", "o", "table", "the same; or table, json or yaml for how the result is said")
	f.StringSliceVar(&withhold, "withhold", nil, "names, details or documents: left out, with the proofs still holding")
	f.BoolVar(&short, "short", false, "end with the period: smaller, and silent on what became of its changes later")
	f.StringVar(&earlier, "checkpoint", "", "file with an earlier checkpoint; the pack shows that the ledger goes on from it")
	completeWords(cmd, "withhold", "names", "details", "documents")
	return cmd
}

// span gives the ends of a period as the server takes them; one that began ends now, unless it says when.
func (a *app) span(from, to string) (begin, end string, err error) {
	for into, text := range map[*string]string{&begin: from, &end: to} {
		if text == "" {
			continue
		}
		t, err := a.instant(text)
		if err != nil {
			return "", "", err
		}
		*into = t.UTC().Format(time.RFC3339)
	}
	if begin != "" && end == "" {
		end = a.now().UTC().Format(time.RFC3339)
	}
	return begin, end, nil
}

// sizeIn reads how many events a checkpoint in a file is of: its second line. Whether it is signed, and
// goes on, is for the verifier to say.
func (a *app) sizeIn(file string) (int64, error) {
	if file == "" {
		return 0, nil
	}
	b, err := a.readInput(file)
	if err != nil {
		return 0, err
	}
	lines := strings.SplitN(string(b), "\n", 3)
	if len(lines) == 3 {
		if n, err := strconv.ParseInt(lines[1], 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, fault.New(fault.Invalid, "bad_checkpoint", "%s holds no checkpoint.", clean(file)).FixedBy("you").Then("plumb ledger checkpoint")
}

// exportTo writes beside the file and renames at the end: half a pack or list never bears the name of a whole.
func exportTo(out string, write func(io.Writer) (int64, error)) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(out), ".plumb-*.part")
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", out, err)
	}
	defer os.Remove(f.Name())
	n, err := write(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return n, err
	}
	return n, os.Rename(f.Name(), out)
}

func documentCommand(a *app) *cobra.Command {
	return a.group("document", "Documents by digest", a.documentAdd(), a.documentGet())
}

func (a *app) documentAdd() *cobra.Command {
	var kind string
	cmd := a.leaf("add FILE", "Send a document for a change to name", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		body, err := readWhole(args[0])
		if err != nil {
			return err
		}
		if kind == "tf-plan" {
			return fault.New(fault.Invalid, "usage", "A plan is redacted before it leaves: bind it with --tf-plan.").FixedBy("you").Then("plumb change new --tf-plan %s", args[0])
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.AddDocument(cmd.Context(), kind, body)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, sentence("%s", r.Value.Document))
	})
	cmd.Flags().StringVar(&kind, "kind", "attachment", "attachment, or the kind of the binding that it belongs to")
	return cmd
}

func (a *app) documentGet() *cobra.Command {
	var out string
	cmd := a.remote("get DIGEST", "Fetch a document", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		b, err := c.Document(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if out != "" {
			return os.WriteFile(out, b, 0o600)
		}
		if isTerminal(a.out) {
			b = []byte(cleanText(string(b)))
		}
		_, err = a.out.Write(b)
		return err
	})
	cmd.Flags().StringVarP(&out, "file", "f", "", "file to write, else standard output")
	return cmd
}
