package plan

// mask says which parts of a value Terraform holds for sensitive. nil covers nothing.
type mask struct {
	all   bool
	list  bool
	names map[string]*mask
	items []*mask
}

// coversAll is the reading of every mask that is absent or makes no sense: unknown means masked.
var coversAll = &mask{all: true}

// readMask reads before_sensitive and its kin: false or an empty object for nothing, true for all,
// else an object or array of the same shape as the value.
func readMask(raw []byte) *mask {
	if len(raw) == 0 {
		return coversAll
	}
	c := cursor{b: raw}
	return c.mask(0)
}

func (c *cursor) mask(depth int) *mask {
	switch k := c.kind(); {
	case depth > maxValueDepth:
		c.skip()
		return coversAll
	case k == 'f':
		c.skip()
		return nil
	case k == '{':
		return c.maskObject(depth)
	case k == '[':
		m := &mask{list: true}
		for c.enter(); c.more(); {
			m.items = append(m.items, c.mask(depth+1))
		}
		return m
	}
	c.skip()
	return coversAll
}

func (c *cursor) maskObject(depth int) *mask {
	var m *mask
	for c.enter(); c.more(); {
		name := c.member()
		sub := c.mask(depth + 1)
		if sub == nil {
			continue
		}
		if m == nil {
			m = &mask{names: map[string]*mask{}}
		}
		m.names[string(name)] = sub
	}
	return m
}

// covers reports whether a whole value of this kind is masked: because the mask says so, or because
// its shape is not the value's.
func (m *mask) covers(kind byte) bool {
	switch {
	case m == nil:
		return false
	case m.all:
		return true
	case kind == '{':
		return m.list
	case kind == '[':
		return !m.list
	}
	return true
}

func (m *mask) member(name []byte) *mask {
	if m == nil {
		return nil
	}
	return m.names[string(name)]
}

// item gives the mask of one item; an item beyond the end of the mask is covered.
func (m *mask) item(i int) *mask {
	switch {
	case m == nil:
		return nil
	case i < len(m.items):
		return m.items[i]
	}
	return coversAll
}
