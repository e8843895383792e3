package agent

import (
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// Status is what can be told of an agent from its folder, while it works or not.
type Status struct {
	URL     string `json:"url"`
	Agent   string `json:"agent"`
	Every   int64  `json:"every"`
	Facts   int    `json:"facts"`   // that the server has
	Waiting int    `json:"waiting"` // states that it does not have yet
	Lost    int64  `json:"lost"`
	Runs    bool   `json:"runs"`
}

// StatusOf reads the folder of an agent.
func StatusOf(cfg Config) (s Status, err error) {
	a, err := Open(cfg)
	if err == nil {
		defer a.Close()
		return a.status(false), nil
	}
	if _, there := os.Stat(filepath.Join(cfg.Dir, homeFile)); there != nil {
		return s, err
	}
	// Somebody holds the folder: what is written there can be read all the same.
	a = &Agent{cfg: cfg}
	b, err := os.ReadFile(filepath.Join(cfg.Dir, homeFile))
	if err == nil {
		err = json.Unmarshal(b, &a.home)
	}
	if err == nil {
		err = a.load()
	}
	return a.status(true), err
}

func (a *Agent) status(runs bool) Status {
	return Status{URL: a.home.URL, Agent: a.home.Agent, Every: a.home.Every, Facts: len(a.state.Have), Waiting: len(a.state.Queue),
		Lost: a.state.Lost, Runs: runs}
}
