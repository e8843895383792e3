package things

import (
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// merge says that another asset is the one of the address.
func (p Pages) merge(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	w, err := p.Things.MergeAssets(v.Ctx(), v.Actor, v.R.PathValue("id"), v.Value("other"), v.Value("reason"))
	if err != nil {
		return p.unnamed(v, "merge", err)
	}
	return v.Go(assetPath(w.Asset), string(w.Other)+" is this asset now. It can be taken back.")
}

// split says that some records of the asset of the address are another thing.
func (p Pages) split(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	w, err := p.Things.Split(v.Ctx(), v.Actor, v.R.PathValue("id"), v.R.PostForm["record"], v.Value("reason"))
	if err != nil {
		return p.unnamed(v, "split", err)
	}
	return v.Go(assetPath(w.Asset), "The records are this asset's now, which was made for them. It can be taken back.")
}

// unnamed shows the asset again with the form that was refused.
func (p Pages) unnamed(v *frame.Visit, act string, err error) error {
	return v.Again(err, func(status int, e *frame.Entry) error { return p.assetWith(v, status, act, e) })
}

// undo takes a merge or a split back.
func (p Pages) undo(v *frame.Visit) error {
	w, err := p.Things.Undo(v.Ctx(), v.Actor, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	return v.Go(assetPath(w.Asset), "The "+w.Verb+" is taken back. What came since stays where it is.")
}

// in makes a field of one of the identity forms, with what was typed when that form was refused.
func (w whole) in(act string, i ui.In) ui.In {
	if w.Act == act {
		i = w.Identity.In(i)
	}
	i.Of = act
	return i
}

// splittable are the records that can be split off: some, where there are several.
func (w whole) splittable() []inventory.Witness {
	if len(w.Of.Records) < 2 {
		return nil
	}
	return w.Of.Records
}

// identifiable reports whether the reader may say what is one thing and what is two, of the asset as it is now.
func (w whole) identifiable() bool { return w.May && w.At == "" && w.Of.Merged == "" }
