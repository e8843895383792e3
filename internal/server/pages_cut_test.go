package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
)

// A document that was exchanged on the disk never looks whole: the answer is broken off, over HTTP/2 too,
// where there is no connection of its own to close.
func TestADocumentThatWasExchangedIsNeverWhole(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	noise := make([]byte, 200<<10)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	good := []byte(hex.EncodeToString(noise))
	for i := 6; i < len(good); i += 7 { // words, which look like no secret
		good[i] = ' '
	}
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/documents?kind=attachment", good)
	m := s.Material()
	m.Attachments = []change.Attachment{{Name: "notes.txt", Digest: seal.Raw(good), Size: int64(len(good))}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	bearer := session(t, s, servertest.Sam)
	s.Stop()
	exchange(t, s.Config.Data, seal.Raw(good), append(bytes.Clone(good[:len(good)-1]), '!'))

	cfg := s.Config
	cfg.TLSCert, cfg.TLSKey = certificate(t, t.TempDir())
	cfg.ReadyFile = ""
	again, err := server.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- again.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	r, err := http.NewRequestWithContext(t.Context(), "GET", again.URL()+"/changes/"+string(c.ID)+"/files/"+seal.Raw(good), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "__Host-plumb", Value: bearer})
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err == nil || res.ProtoMajor != 2 || res.StatusCode != http.StatusOK {
		t.Errorf("%s %d: %d bytes of a document that was exchanged look whole", res.Proto, res.StatusCode, len(got))
	}
}

// exchange puts other bytes in a document's place.
func exchange(t *testing.T, dir, digest string, body []byte) {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	found := false
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(path, strings.TrimPrefix(digest, "sha256:")) {
			return err
		}
		found = true
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		return os.WriteFile(path, w.EncodeAll(body, nil), 0o600)
	})
	if err != nil || !found {
		t.Fatalf("exchange %s: %v", digest, err)
	}
}
