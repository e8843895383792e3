package frame

import (
	"fmt"
	"net/http"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/sheet"
)

// slowExport is how long an export may take.
const slowExport = 10 * time.Minute

// Export is a list that is given out as a file, row by row: csv, xlsx or json.
type Export[T any] struct {
	Name string // of the file, without what says when and of which format
	sheet.List[T]
}

// Answer gives the file of the format that the address names. What breaks off is no whole file, and the browser says so.
func (e Export[T]) Answer(v *Visit) error {
	if err := http.NewResponseController(v.W).SetWriteDeadline(v.Now.Add(slowExport)); err != nil {
		return fmt.Errorf("prepare export: %w", err)
	}
	format := v.R.PathValue("format")
	write, kind := e.Writer(format)
	if write == nil {
		return fault.New(fault.NotFound, "no_format", "A list is exported as csv, xlsx or json.").FixedBy("you").Then("choose one of them")
	}
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.%s"`, e.Name, v.Now.UTC().Format("20060102-1504"), format))
	if err := write(v.W); err != nil {
		return v.Cut(err) // half a list must not look whole
	}
	return nil
}
