package ui

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"plumbline.dev/plumb/internal/seal"
)

//go:embed css/*.css js/*.js
var files embed.FS

// asset is one file that the pages load, under a name that changes with its bytes.
type asset struct {
	path, kind      string
	plain, squeezed []byte
}

// loaded are the two files that every page asks for: all styles in one, all scripts in one.
var loaded = sync.OnceValues(func() (map[string]asset, error) {
	style, err := joined("css")
	if err != nil {
		return nil, err
	}
	script, err := joined("js")
	if err != nil {
		return nil, err
	}
	out := map[string]asset{}
	for name, a := range map[string]asset{"style": {plain: style, kind: "text/css; charset=utf-8"}, "script": {plain: script, kind: "text/javascript; charset=utf-8"}} {
		digest := ShortDigest(seal.Raw(a.plain))
		a.path = "/assets/plumb-" + digest + map[string]string{"style": ".css", "script": ".js"}[name]
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err = z.Write(a.plain); err != nil {
			return nil, err
		}
		if err = z.Close(); err != nil {
			return nil, err
		}
		a.squeezed = b.Bytes()
		out[name] = a
	}
	return out, nil
})

// joined puts the files of a folder behind one another, in the order of their names.
func joined(folder string) ([]byte, error) {
	list, err := fs.Glob(files, folder+"/*")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, name := range list {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path.Base(name), err)
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

func assetPath(name string) string {
	all, err := loaded()
	if err != nil {
		return ""
	}
	return all[name].path
}

// Assets serves the style sheet and the script. Their names change with their bytes, so browsers may keep
// them for good.
func Assets(w http.ResponseWriter, r *http.Request) {
	all, err := loaded()
	if err != nil {
		http.Error(w, "not available", http.StatusInternalServerError)
		return
	}
	for _, a := range all {
		if a.path != r.URL.Path {
			continue
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		body := a.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = a.squeezed
		}
		h.Set("Content-Length", fmt.Sprint(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // who went away needs no asset
		}
		return
	}
	http.NotFound(w, r)
}
