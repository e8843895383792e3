package record

import (
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// download gives a document of the change so that it cannot run: never as what it claims to be, always to
// be saved, in a sandbox, and not sniffed.
func (p Pages) download(v *frame.Visit) error {
	id, err := idOf(v)
	if err != nil {
		return err
	}
	c, err := p.Changes.Show(v.Ctx(), id)
	if err != nil {
		return err
	}
	d := v.R.PathValue("digest")
	if !c.Holds(d) {
		return fault.New(fault.NotFound, "no_document", "The change has no such document.").Then("open the change again")
	}
	r, err := p.Changes.OpenDocument(v.Ctx(), d)
	if err != nil {
		return err
	}
	defer r.Close()
	h := v.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(c, d)}))
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	v.W.WriteHeader(http.StatusOK)
	if _, err := io.Copy(v.W, r); err != nil {
		return v.Cut(err) // it is sent already, and must not look whole
	}
	return nil
}

// longestName bounds a file name, in bytes.
const longestName = 120

// fileName is a name under which a document can be saved anywhere: its own without folders and hidden
// characters, or one that says what it is.
func fileName(c change.View, digest string) string {
	for _, a := range c.Material.Attachments {
		if a.Digest == digest {
			return plainName(a.Name, "attachment-"+ui.ShortDigest(digest))
		}
	}
	for _, k := range c.Checks {
		if k.Blob == digest {
			return plainName(k.Kind+"-"+ui.ShortDigest(digest)+suffix[k.Format], "evidence")
		}
	}
	return "document-" + ui.ShortDigest(digest) + ".txt"
}

var suffix = map[string]string{"junit": ".xml", "sarif": ".sarif.json", "trivy": ".json", "cyclonedx": ".cdx.json"}

func plainName(name, instead string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if ui.Hidden(r) || strings.ContainsRune(`"<>:|?*;`+"\n\t", r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimLeft(name, ". ")
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[len(name)-longestName:], "")
	}
	if name == "" || name == "/" {
		return instead
	}
	return name
}
