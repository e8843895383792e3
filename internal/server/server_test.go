package server_test

import (
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

func TestServerStartsEmptyAndIsSetUp(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.As(servertest.Sam).Want(200, "GET", "/me", nil)
	s.CI().Want(200, "GET", "/changes", nil)
	s.Nobody().Want(401, "GET", "/changes", nil)
}
