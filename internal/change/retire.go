package change

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/db"
)

// Unneeded is an asset that somebody says is not needed any more.
type Unneeded struct {
	Asset  string // its id
	Name   string // what it is called, by whatever source
	There  bool   // its sources see it: it has to be taken away, too
	Why    string // for the approvers
	Former ID     // the draft of an earlier word on the same asset; "" for none
}

// DraftRetirement files the change that would retire an asset, as a draft of the transaction's actor, and gives its id: that of the former
// one while that is not over. A draft binds nobody and asks nobody: its author completes and submits it, or cancels it.
func (d *Desk) DraftRetirement(tx *db.Tx, u Unneeded) (ID, error) {
	if u.Former != "" {
		if c, err := d.ChangeIn(tx, u.Former); err != nil || c.State != Closed && c.State != Cancelled {
			return c.ID, err
		}
	}
	m := u.material()
	if err := m.clean(); err != nil {
		return "", err
	}
	canonical, digest, err := m.Digest()
	if err != nil {
		return "", err
	}
	f, err := d.file(tx, m, canonical, digest)
	if err == nil {
		tx.AfterCommit(func() { d.shelve(f) })
	}
	return f.change.ID, err
}

// material words the retirement of an asset. A name that is no line to read is left out: a source gave it.
func (u Unneeded) material() Material {
	m := Material{Type: "normal", Category: "configuration", Summary: "Retire " + u.Asset, Justification: readable(u.Why), Targets: []string{u.Asset}}
	if u.Name != "" && len(u.Name) <= maxLine/2 && utf8.ValidString(u.Name) && !strings.ContainsFunc(u.Name, func(r rune) bool { return unicode.IsControl(r) || isBidi(r) }) {
		m.Summary += ", " + u.Name
	}
	if u.There {
		m.Effects = append(m.Effects, Effect{Target: u.Asset, Op: "delete"})
	}
	m.Effects = append(m.Effects, Effect{Target: u.Asset, Path: "label.lifecycle", Op: "update", After: "retired"})
	return m
}

// readable leaves out what no text of a change holds.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
