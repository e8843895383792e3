package plan

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of what is kept of one apply. What goes beyond is counted, not kept.
const (
	MaxLine        = 1 << 20 // bytes of one line of output; a longer one is withheld
	MaxReceipts    = 100000
	MaxDiagnostics = 1000
)

// States of a receipt, and results of an apply.
const (
	Started  = "started" // no end was reported: what became of the resource is unknown
	Errored  = "errored"
	Complete = "complete"
	Failed   = "failed"
	Unknown  = "unknown" // the stream ended without saying
)

// Receipt is what the apply did to one resource.
type Receipt struct {
	Address string `json:"address"` // as in the plan's document
	Action  string `json:"action"`  // create, update, delete, read
	State   string `json:"state"`   // started, complete, errored
	Seconds int    `json:"seconds"`
	IDKey   string `json:"id_key,omitzero"`
	ID      string `json:"id,omitzero"` // masked where it looks like a secret
}

// Diagnostic is a warning or an error of the tool, redacted.
type Diagnostic struct {
	Severity string `json:"severity"` // error, warning
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitzero"`
	Address  string `json:"address,omitzero"`
}

// Outcome is what one apply came to.
type Outcome struct {
	Result      string       `json:"result"`       // complete, failed, unknown
	ToolVersion string       `json:"tool_version"` // "" where the stream does not say
	Receipts    []Receipt    `json:"receipts"`     // in the order in which they started
	Diagnostics []Diagnostic `json:"diagnostics"`
	Errors      int          `json:"errors"` // error diagnostics and errored resources
	Add         int          `json:"add"`    // the tool's own summary
	Change      int          `json:"change"`
	Import      int          `json:"import"`
	Remove      int          `json:"remove"`
	Lines       int          `json:"lines"`     // lines read
	Foreign     int          `json:"foreign"`   // lines that are none of the tool's JSON
	Oversized   int          `json:"oversized"` // lines withheld because they are longer than MaxLine
	Truncated   bool         `json:"truncated"` // receipts or diagnostics were left out
}

// Event is one line of an apply as it may be shown: everything in it is redacted.
type Event struct {
	Type    string  // the tool's word, such as apply_start; "text" for a line that is not its JSON
	Level   string  // info, warn, error
	Message string  // for people
	Receipt Receipt // of the resource the line is about, where it is about one
}

// ApplyOptions say how a stream is read.
type ApplyOptions struct {
	Known   *Secrets // what the plan holds in secret; nil is allowed
	MaxLine int      // lowers MaxLine, in bytes; 0 and anything higher mean MaxLine
}

// ReadApply reads the stream of `terraform apply -json` or `tofu apply -json` to its end, calling
// onEvent for each line, and gives the receipts. It never takes silence for success: the result is
// complete only where the tool summed the apply up, nothing errored, and everything that started
// ended. An error is the reader's own; what was read until then is in the outcome.
func ReadApply(r io.Reader, o ApplyOptions, onEvent func(Event)) (*Outcome, error) {
	limit := o.MaxLine
	if limit <= 0 || limit > MaxLine {
		limit = MaxLine
	}
	s := &stream{red: newRedactor(o.Known), out: &Outcome{Receipts: []Receipt{}, Diagnostics: []Diagnostic{}}, tell: onEvent}
	if s.tell == nil {
		s.tell = func(Event) {}
	}
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		line, over, err := readLine(in, limit)
		switch {
		case over:
			s.out.Lines++
			s.out.Oversized++
			s.tell(Event{Type: "text", Level: "warn", Message: fmt.Sprintf("(a line of more than %d bytes is withheld)", limit)})
		case len(bytes.TrimSpace(line)) > 0:
			s.out.Lines++
			s.line(line)
		}
		if errors.Is(err, io.EOF) {
			s.finish()
			return s.out, nil
		}
		if err != nil {
			s.finish()
			return s.out, fmt.Errorf("read apply: %w", err)
		}
	}
}

// readLine gives the next line without its end. Of one over the limit nothing is kept.
func readLine(in *bufio.Reader, limit int) (line []byte, over bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if !over {
			line = append(line, part...)
		}
		if len(bytes.TrimRight(line, "\r\n")) > limit {
			line, over = nil, true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(line, "\r\n"), over, err
		}
	}
}

// stream is one apply while it is read.
type stream struct {
	red    *redactor
	out    *Outcome
	tell   func(Event)
	pem    int  // lines that may still belong to a key that is printed line by line
	summed bool // the tool summed the apply up
}

// wireLine is what is read of one line; the format grows, so other members are passed over.
type wireLine struct {
	Level      string          `json:"@level"`
	Message    string          `json:"@message"`
	Type       string          `json:"type"`
	Terraform  string          `json:"terraform"`
	Tofu       string          `json:"tofu"`
	Hook       *wireHook       `json:"hook"`
	Change     *wireHook       `json:"change"`
	Changes    *wireChanges    `json:"changes"`
	Diagnostic *wireDiagnostic `json:"diagnostic"`
}

type wireHook struct {
	Resource struct {
		Addr string `json:"addr"`
	} `json:"resource"`
	Action  string         `json:"action"`
	IDKey   string         `json:"id_key"`
	IDValue string         `json:"id_value"`
	Seconds jsontext.Value `json:"elapsed_seconds"`
}

type wireChanges struct {
	Add       int    `json:"add"`
	Change    int    `json:"change"`
	Import    int    `json:"import"`
	Remove    int    `json:"remove"`
	Operation string `json:"operation"`
}

type wireDiagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
}

func (s *stream) line(raw []byte) {
	var w wireLine
	if err := json.Unmarshal(raw, &w); err != nil || w.Type == "" || !shortWord(w.Type) {
		s.out.Foreign++
		s.tell(Event{Type: "text", Level: "info", Message: s.scrub(string(raw))})
		return
	}
	e := Event{Type: w.Type, Level: "info", Message: s.scrub(w.Message)}
	if w.Level == "warn" || w.Level == "error" {
		e.Level = w.Level
	}
	hook := w.Hook
	if hook == nil {
		hook = w.Change
	}
	if hook != nil && hook.Resource.Addr != "" {
		e.Receipt = s.receipt(hook)
	}
	switch w.Type {
	case "version":
		for _, v := range []string{w.Terraform, w.Tofu} {
			if versionText(v) {
				s.out.ToolVersion = v
			}
		}
	case "apply_start":
		e.Receipt.State = Started
		s.start(e.Receipt)
	case "apply_complete":
		e.Receipt.State = Complete
		s.end(e.Receipt)
	case "apply_errored":
		e.Receipt.State = Errored
		s.out.Errors++
		s.end(e.Receipt)
	case "diagnostic":
		s.diagnostic(&w, &e)
	case "change_summary":
		s.sum(w.Changes)
	}
	s.tell(e)
}

// scrub masks a line for people. A key that is printed line by line is masked to its end.
func (s *stream) scrub(text string) string { return scrubLine(s.red.known, text, &s.pem) }

// pemLines is how many lines of output a key may take; the longest in use takes about 120. A BEGIN that
// never ends hides no more than that.
const pemLines = 256

func scrubLine(known *Secrets, text string, pem *int) string {
	begins := strings.LastIndex(text, "-----BEGIN ")
	ends := strings.LastIndex(text, "-----END ")
	was := *pem > 0
	switch {
	case begins > ends:
		*pem = pemLines
	case ends >= 0:
		*pem = 0
	case was:
		*pem--
	}
	if was && begins < 0 {
		return bareMarker
	}
	return Scrub(known, text)
}

func (s *stream) receipt(h *wireHook) Receipt {
	r := Receipt{Address: s.red.where(h.Resource.Addr)}
	if shortWord(strings.ReplaceAll(h.Action, "-", "_")) {
		r.Action = h.Action
	}
	if shortWord(h.IDKey) {
		r.IDKey = h.IDKey
	}
	if h.IDValue != "" {
		r.ID = Scrub(s.red.known, h.IDValue)
	}
	for _, d := range h.Seconds {
		if d < '0' || d > '9' || r.Seconds > 1<<30 {
			break
		}
		r.Seconds = r.Seconds*10 + int(d-'0')
	}
	return r
}

func (s *stream) start(r Receipt) {
	if len(s.out.Receipts) == MaxReceipts {
		s.out.Truncated = true
		return
	}
	s.out.Receipts = append(s.out.Receipts, r)
}

// end closes the newest open receipt of the same resource and action; a resource may have several, as
// when it is replaced.
func (s *stream) end(r Receipt) {
	for i := len(s.out.Receipts) - 1; i >= 0; i-- {
		if o := &s.out.Receipts[i]; o.State == Started && o.Address == r.Address && o.Action == r.Action {
			*o = r
			return
		}
	}
	s.start(r)
}

func (s *stream) diagnostic(w *wireLine, e *Event) {
	d := Diagnostic{Severity: "error"} // what is no clear warning is an error
	if w.Diagnostic != nil {
		d.Summary, d.Detail = s.scrub(w.Diagnostic.Summary), s.scrub(w.Diagnostic.Detail)
		if w.Diagnostic.Severity == "warning" {
			d.Severity = "warning"
		}
		if w.Diagnostic.Address != "" {
			d.Address = s.red.where(w.Diagnostic.Address)
			e.Receipt.Address = d.Address
		}
	}
	if d.Severity == "error" {
		s.out.Errors++
	}
	if len(s.out.Diagnostics) == MaxDiagnostics {
		s.out.Truncated = true
		return
	}
	s.out.Diagnostics = append(s.out.Diagnostics, d)
}

func (s *stream) sum(c *wireChanges) {
	if c == nil || c.Operation != "apply" && c.Operation != "destroy" {
		return // the summary of the plan, which comes first where nothing was saved
	}
	s.summed = true
	s.out.Add, s.out.Change, s.out.Import, s.out.Remove = c.Add, c.Change, c.Import, c.Remove
}

func (s *stream) finish() {
	open := false
	for _, r := range s.out.Receipts {
		open = open || r.State == Started
	}
	switch {
	case s.out.Errors > 0:
		s.out.Result = Failed
	case s.summed && !open:
		s.out.Result = Complete
	default:
		s.out.Result = Unknown
	}
}

// Scrubber is a writer that passes lines on masked, as Scrub does. Nothing of a line is passed on
// before its end is known, for a secret may be cut in two; a line longer than MaxLine is withheld.
type Scrubber struct {
	to      io.Writer
	known   *Secrets
	line    []byte
	over    bool
	pem     int
	written error // the first error of the writer below
}

// NewScrubber makes a writer that masks what it passes to the one given. known may be nil.
func NewScrubber(to io.Writer, known *Secrets) *Scrubber { return &Scrubber{to: to, known: known} }

// Write takes any part of the output.
func (s *Scrubber) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 && s.written == nil {
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		if len(s.line)+len(part) > MaxLine {
			s.line, s.over = nil, true
		}
		if !s.over {
			s.line = append(s.line, part...)
		}
		if end < 0 {
			break
		}
		s.flush("\n")
		b = b[end+1:]
	}
	return n, s.written
}

// Close passes the last line on where it has no end.
func (s *Scrubber) Close() error {
	if len(s.line) > 0 || s.over {
		s.flush("")
	}
	return s.written
}

func (s *Scrubber) flush(end string) {
	text := fmt.Sprintf("(a line of more than %d bytes is withheld)", MaxLine)
	if !s.over {
		text = scrubLine(s.known, string(s.line), &s.pem)
	}
	_, s.written = io.WriteString(s.to, text+end)
	s.line, s.over = s.line[:0], false
}
