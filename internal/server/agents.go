package server

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/connect/agent"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/inventory"
)

// agentsEvery is how often the server looks whether agents said something new.
const agentsEvery = time.Second

// agentSource is the name of the one source that all agents are.
const agentSource = "agents"

// hearAgents takes into the inventory what agents said since the last time: many hosts in one reading. Agents that were ended come first, so
// that a host that enrolled anew is the one that the inventory knows.
func (s *Server) hearAgents(ctx context.Context) error {
	ended, err := s.fleet.Ended(ctx)
	if err != nil {
		return err
	}
	if len(ended) > 0 {
		if err := s.take(ctx, ended); err != nil {
			return err
		}
	}
	words, due, err := s.fleet.Words(ctx)
	if err == nil && due {
		err = s.take(ctx, words)
	}
	if err != nil {
		return err
	}
	return s.askAboutKeys(ctx)
}

// askAboutKeys asks people which host is which, where two have one key.
func (s *Server) askAboutKeys(ctx context.Context) error {
	shared, err := s.fleet.Shared(ctx)
	if err != nil || len(shared) == 0 {
		return err
	}
	var doubts []inventory.Doubt
	for _, a := range shared {
		doubts = append(doubts, agent.KeyShared(agentSource, a))
	}
	return s.things.Raise(ctx, fault.SystemActor("agents"), doubts)
}

// take reads words of agents into the inventory.
func (s *Server) take(ctx context.Context, words []fleet.Word) error {
	if err := s.agentsAreASource(ctx); err != nil {
		return err
	}
	var doc bytes.Buffer
	for _, w := range words {
		b, err := json.Marshal(w)
		if err != nil {
			return fmt.Errorf("list agents: %w", err)
		}
		doc.Write(append(b, '\n'))
	}
	if _, err := s.things.Read(ctx, fault.SystemActor("agents"), agentSource, &doc, agentSource); err != nil {
		return fmt.Errorf("read what agents said: %w", err)
	}
	return s.fleet.Taken(ctx, words)
}

// agentsAreASource makes their source with the first report.
func (s *Server) agentsAreASource(ctx context.Context) error {
	_, err := s.things.SourceOf(ctx, agentSource)
	if !fault.Is(err, "no_source") {
		return err
	}
	_, err = s.things.AddSource(ctx, fault.SystemActor("agents"), inventory.Configured{Name: agentSource, Kind: agent.Name})
	return err
}
