package tfstate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"time"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// maxWait bounds one answer of a backend.
const maxWait = 2 * time.Minute

// Fetched is the kind of source that fetches its state: from a file below folder, or from an HTTP backend. Whoever sets up a
// source can name a file in that folder and none elsewhere.
func Fetched(folder string) inventory.Kind {
	k := Kind()
	k.Name, k.Title = "terraform-backend", "Terraform or OpenTofu state, fetched from a file or an HTTP backend"
	k.Push, k.Every, k.AbsentAfter = false, 15*time.Minute, 0
	k.Settings = settings(
		inventory.Setting{Key: "path", Help: "path of the state file within the data folder's states folder"},
		inventory.Setting{Key: "url", Help: "address of the HTTP backend, as the configuration's backend block names it"},
		inventory.Setting{Key: "username", Help: "user of the HTTP backend, where it asks for one"},
		inventory.Setting{Key: "password", Help: "password of that user", Secret: true},
	)
	k.Open = func(in inventory.Input) (inventory.Source, error) {
		path, text := in.Settings["path"], in.Settings["url"]
		switch {
		case (path == "") == (text == ""):
			return nil, connect.BadSetting("path", "or url is needed, and not both")
		case path != "" && !fs.ValidPath(path):
			return nil, connect.BadSetting("path", "leads out of the folder, or is no path with slashes")
		case path != "":
			return &source{in: in, fetch: func(context.Context) ([]byte, error) { return readFile(folder, path) }}, nil
		}
		at, err := connect.Endpoint("url", text)
		if err != nil {
			return nil, err
		}
		return &source{in: in, fetch: func(ctx context.Context) ([]byte, error) {
			return get(ctx, at, in.Settings["username"], in.Settings["password"])
		}}, nil
	}
	return k
}

// readFile reads a file below folder. The folder is opened as a root, so that no link leads out of it.
func readFile(folder, path string) ([]byte, error) {
	f, err := os.OpenInRoot(folder, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, connect.BadSetting("path", "names no file in the folder")
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, connect.BadSetting("path", "names no regular file")
	}
	return connect.ReadAll(f, MaxDocument)
}

// get asks an HTTP backend for its state. A backend that holds none yet says 204 or 404; that is not an empty state, for a state
// that was there may have been moved.
func get(ctx context.Context, at *url.URL, user, password string) ([]byte, error) {
	client := connect.Client(nil, maxWait, MaxDocument+1)
	defer client.CloseIdleConnections()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, connect.BadSetting("url", "is no address")
	}
	if user != "" {
		ask.SetBasicAuth(user, password)
	}
	answer, err := client.Do(ask)
	if err != nil {
		return nil, connect.Unreadable("the backend", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, connect.Status("the backend", answer.StatusCode)
	}
	return connect.ReadAll(answer.Body, MaxDocument)
}
