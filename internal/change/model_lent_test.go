package change

import (
	"testing"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/wire"
)

// This file lets the exploration of model_test.go go through lent accounts: off, the security officer,
// resets cat's password, another officer vouches for cat, and either of them asks, reworded or decides.

// lending is what became of cat's account: the instants, as ticks, at which the code was issued and at
// which somebody vouched; 0 is never.
type lending struct{ tick, from, until int64 }

func (l lending) list() []directory.Lending {
	if l.from == 0 {
		return nil
	}
	x := directory.Lending{Person: cat, By: off, At: modelNow + l.from}
	if l.until > 0 {
		x.Until = modelNow + l.until
	}
	return []directory.Lending{x}
}

func (l lending) open() bool { return l.from > 0 && l.until == 0 }

// lentHistory is what the specification remembers: that cat's account was lent at all, and whether cat's
// word was given while it was.
type lentHistory struct{ ever, word0 bool }

func (h *lentHistory) word(by string, l lending) {
	if by == cat {
		h.word0 = l.open()
	}
}

// barred: what cat wrote, off may have written; and cat's word given meanwhile may be off's.
func (h lentHistory) barred(p string, authors map[string]bool) bool {
	return p == off && authors[cat] && h.ever || p == cat && h.word0 && authors[off]
}

// same: cat's word given meanwhile and off's are one person's.
func (h lentHistory) same(x, y string) bool {
	return h.word0 && (x == cat && y == off || x == off && y == cat)
}

func lend() step {
	return step{"off resets cat", func(m *machine, w *world) bool {
		if w.lending.from > 0 {
			return false
		}
		w.lending.tick++
		w.lending.from, w.history.lent.ever = w.lending.tick, true
		return true
	}}
}

func vouch() step {
	return step{"cat is vouched for", func(m *machine, w *world) bool {
		if !w.lending.open() {
			return false
		}
		w.lending.tick++
		w.lending.until = w.lending.tick
		return true
	}}
}

func TestNoExecutionThroughALentAccount(t *testing.T) {
	t.Parallel()
	list := []step{edit(ann), edit(off), edit(cat), submit(), lend(), vouch(), policyTo(true), open(eve, wire.KindApply, goodBytes), word(Withdrawal, cat, current)}
	for _, p := range []string{bob, cat, lou, off} {
		list = append(list, word(Approval, p, current))
	}
	taken := explore(t, list, off, cat)
	for _, name := range []string{"off resets cat", "cat is vouched for", "edit by " + off, "edit by " + cat, "approve by " + off, "approve by " + cat,
		"apply opened by " + eve} {
		if taken[name] == 0 {
			t.Errorf("%q never happened: the exploration proves nothing about it", name)
		}
	}
}
