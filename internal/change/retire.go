package change

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
)

// Unneeded is an asset that somebody says is not needed any more.
type Unneeded struct {
	Asset  string // its id
	Name   string // what it is called, by whatever source
	There  bool   // its sources see it: it has to be taken away, too
	Why    string // for the approvers
	Former []ID   // what was drafted on earlier words on the same asset, the newest first
}

// DraftRetirement files the change that would retire an asset, as a draft of the transaction's actor, and gives its id: that of a former
// one that still would, whoever filed it. A draft binds nobody and asks nobody: its author completes and submits it, or cancels it.
func (d *Desk) DraftRetirement(tx *db.Tx, u Unneeded) (ID, error) {
	for _, id := range u.Former {
		if stands, err := d.retires(tx, id, u); err != nil || stands {
			return id, err
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

// retires reports whether a change that was drafted once is not over, still says that the asset is retired, and has an author who can submit
// it while it is a draft.
func (d *Desk) retires(tx *db.Tx, id ID, u Unneeded) (bool, error) {
	c, err := d.ChangeIn(tx, id)
	if err != nil || c.State == Closed || c.State == Cancelled {
		return false, err
	}
	rev, err := loadRevision(tx, id, c.Rev)
	if err != nil || !slices.ContainsFunc(rev.Material.Effects, func(e Effect) bool {
		return (e.Target == u.Asset || e.Target == u.Name) && e.Path == retiredPath && e.After == retiredValue
	}) {
		return false, err
	}
	if c.State != Draft {
		return true, nil
	}
	r, err := d.people.RosterIn(tx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(c.Body.Authors, func(p string) bool { return r.Active(directory.PersonID(p)) }), nil
}

// What a change says that retires an asset.
const (
	retiredPath  = "label.lifecycle"
	retiredValue = "retired"
)

// material words the retirement of an asset. A name that is no line to read is left out: a source gave it.
func (u Unneeded) material() Material {
	m := Material{Type: "normal", Category: "configuration", Summary: "Retire " + u.Asset, Justification: readable(u.Why), Targets: []string{u.Asset}}
	if u.Name != "" && len(u.Name) <= maxLine/2 && utf8.ValidString(u.Name) && !strings.ContainsFunc(u.Name, func(r rune) bool { return unicode.IsControl(r) || isBidi(r) }) {
		m.Summary += ", " + u.Name
	}
	if u.There {
		m.Effects = append(m.Effects, Effect{Target: u.Asset, Op: "delete"})
	}
	m.Effects = append(m.Effects, Effect{Target: u.Asset, Path: retiredPath, Op: "update", After: retiredValue})
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
