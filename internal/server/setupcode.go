package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"plumbline.dev/plumb/internal/seal"
)

func (s *Server) codeFile() string { return filepath.Join(s.cfg.Data, "setup-code") }

// offerCode shows the one-time setup code while the server has no people: on the terminal, and in a file
// that only the operator can read. A code that was shown on an earlier start stays good.
func (s *Server) offerCode(ctx context.Context) error {
	kept, err := private(s.codeFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read setup code: %w", err)
	}
	code, err := s.people.EnsureSetupCode(ctx, seal.Secret(kept))
	if err != nil {
		return fmt.Errorf("make setup code: %w", err)
	}
	if code == "" {
		s.forgetCode()
		return nil
	}
	if err := seal.WriteFile(s.codeFile(), []byte(code.Reveal()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write setup code: %w", err)
	}
	if s.cfg.Terminal != nil {
		fmt.Fprintf(s.cfg.Terminal, "This server is not set up. Its setup code is %s (also in %s).\nNext: plumb setup --url %s\n", code.Reveal(), s.codeFile(), s.url)
	}
	return nil
}

// forgetCode removes the file; the code in it is used up.
func (s *Server) forgetCode() {
	if err := os.Remove(s.codeFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("the used setup code could not be removed", "err", err)
	}
}
