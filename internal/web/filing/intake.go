package filing

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
)

// file is one file that came with a form.
type file struct {
	field string
	name  string // as the browser sent it, without folders; not to be trusted
	body  []byte
}

// fileFields are the fields of the form that hold files.
var fileFields = []string{"up", "rb.file", "attach"}

// slowTime is how long a large form may take.
const slowTime = 15 * time.Minute

// intake reads a form to its end: what was typed comes back even when a file with it is refused. take is
// called for each file, with what was typed before it. The error is the first refusal.
func (p Pages) intake(v *frame.Visit, take func(typed, file) error) (typed, error) {
	t := typed{}
	kind, params, err := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "application/x-www-form-urlencoded":
		return t, t.readPairs(v.R.Body)
	case err != nil || kind != "multipart/form-data" || params["boundary"] == "":
		return t, fault.New(fault.Invalid, "bad_form", "The form could not be read.").FixedBy("you").Then("go back and send it again")
	}
	leave, busy := p.enter(v)
	defer leave()
	if busy != nil { // the fields are read all the same
		take = func(typed, file) error { return busy }
	}
	return t, t.readParts(multipart.NewReader(v.R.Body, params["boundary"]), take)
}

// enter takes a place for a large form, and gives its connection the time that it needs.
func (p Pages) enter(v *frame.Visit) (leave func(), busy error) {
	if n := v.R.ContentLength; n >= 0 && n < largeBody {
		return func() {}, nil
	}
	c := http.NewResponseController(v.W)
	if err := errors.Join(c.SetReadDeadline(v.Now.Add(slowTime)), c.SetWriteDeadline(v.Now.Add(slowTime))); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return func() {}, fmt.Errorf("give an upload its time: %w", err)
	}
	select {
	case p.large <- struct{}{}:
		return func() { <-p.large }, nil
	default:
		return func() {}, fault.New(fault.Limited, "too_many_uploads", "Too many large documents are being sent at once.").FixedBy("you").Then("try again in a moment")
	}
}

func (t typed) readPairs(body io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxText+1))
	if err != nil {
		return unread(err)
	}
	if len(raw) > maxText {
		return formTooLarge()
	}
	pairs, err := url.ParseQuery(string(raw))
	if err != nil {
		return unread(err)
	}
	for name, list := range pairs {
		if slices.Contains(fileFields, name) { // a script sent the form without its files
			continue
		}
		for _, s := range list {
			if err := t.keep(name, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func formTooLarge() *fault.Error {
	return fault.New(fault.TooLarge, "form_too_large", "The form holds more than %d MiB of text.", maxText>>20).FixedBy("you").
		Then("send the long part as a file")
}

func unread(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.TooLarge, "form_too_large", "The form with its files is larger than %d MiB.", maxBody>>20).FixedBy("you").
			Then("send the files one after another")
	}
	return fault.New(fault.Invalid, "bad_form", "The form could not be read.").From(err).FixedBy("you").Then("go back and send it again")
}

// keep takes one field.
func (t typed) keep(name, value string) error {
	if !utf8.ValidString(value) || !utf8.ValidString(name) || strings.IndexByte(value, 0) >= 0 || strings.IndexByte(name, 0) >= 0 {
		return fault.New(fault.Invalid, "bad_text", "The form holds bytes that are no text.").FixedBy("you").Then("remove them and send it again")
	}
	if len(t) >= 5000 || len(t[name]) >= 2000 {
		return fault.New(fault.TooLarge, "form_too_large", "The form has more fields than a change can have.").FixedBy("you").Then("split the change")
	}
	if name != "paste" && len(value) > maxTyped {
		value = strings.ToValidUTF8(value[:maxTyped], "")
	}
	t[name] = append(t[name], value)
	return nil
}

func (t typed) readParts(r *multipart.Reader, take func(typed, file) error) (first error) {
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	text, files := int64(maxText), 0
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return first
		}
		if err != nil {
			note(unread(err))
			return first
		}
		if part.FileName() == "" && part.Header.Get("Content-Type") == "" {
			raw, err := io.ReadAll(io.LimitReader(part, text+1))
			if err != nil {
				note(unread(err))
				return first
			}
			if text -= int64(len(raw)); text < 0 {
				note(formTooLarge())
				return first
			}
			note(t.keep(part.FormName(), string(raw)))
			continue
		}
		if part.FileName() == "" { // a file field that nobody used
			continue
		}
		if files++; files > maxFiles {
			note(fault.New(fault.TooLarge, "form_too_large", "A form takes %d files at most.", maxFiles).FixedBy("you").Then("send the files in several steps"))
			continue
		}
		f, err := readFile(part)
		if err == nil {
			err = take(t, f)
		}
		note(err)
	}
}

// readFile takes one file whole, up to the largest document.
func readFile(part *multipart.Part) (file, error) {
	name := part.FileName()
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	raw, err := io.ReadAll(io.LimitReader(part, change.MaxDocument+1))
	switch {
	case err != nil:
		return file{}, unread(err)
	case len(raw) > change.MaxDocument:
		return file{}, fault.New(fault.TooLarge, "document_too_large", "A document is at most %d MiB.", change.MaxDocument>>20).FixedBy("you").
			Then("keep the document elsewhere, and attach a small file that names it by address and digest")
	case len(raw) == 0:
		return file{}, fault.New(fault.Invalid, "empty_file", "A file is empty; nothing is not something to run or to read.").FixedBy("you").Then("choose the file again")
	case !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0 || len(name) > 300 || name == "":
		return file{}, fault.New(fault.Invalid, "bad_file_name", "The name of a file cannot be taken: it is no text, or longer than 300 bytes.").FixedBy("you").Then("rename the file and choose it again")
	}
	return file{field: part.FormName(), name: name, body: raw}, nil
}
