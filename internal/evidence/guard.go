package evidence

import (
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// The guards stand before the decoders. Both decoders are sound, but let a small file claim much
// memory: by nesting, by a million members of one object, by a million attributes of one tag.
const (
	maxMembers = 100_000  // of one JSON object; a decoder keeps all names to find duplicates
	maxString  = 16 << 20 // bytes of one JSON string; code embedded in SARIF is well below
	maxTag     = 1 << 20  // bytes of one XML tag with its attributes
)

func tooDeep() error {
	return fault.New(fault.Invalid, "too_deep", "The file nests deeper than %d levels.", MaxDepth).
		Then("let the tool write a flatter file")
}

func tooWide(what string) error {
	return fault.New(fault.TooLarge, "too_wide", "The file has %s of unreasonable size.", what).
		Then("let the tool write a smaller file")
}

// jsonGuard follows the brackets and strings of JSON, whether or not it is valid otherwise.
type jsonGuard struct {
	depth    int
	object   [MaxDepth + 1]bool
	members  [MaxDepth + 1]int
	length   int
	inString bool
	escaped  bool
}

func (g *jsonGuard) check(p []byte) error {
	for _, c := range p {
		if g.inString {
			if g.length++; g.length > maxString {
				return tooWide("a text")
			}
			switch {
			case g.escaped:
				g.escaped = false
			case c == '\\':
				g.escaped = true
			case c == '"':
				g.inString = false
			}
			continue
		}
		switch c {
		case '"':
			g.inString, g.length = true, 0
		case '{', '[':
			if g.depth++; g.depth > MaxDepth {
				return tooDeep()
			}
			g.object[g.depth], g.members[g.depth] = c == '{', 0
		case '}', ']':
			g.depth = max(g.depth-1, 0)
		case ',':
			if g.members[g.depth]++; g.object[g.depth] && g.members[g.depth] > maxMembers {
				return tooWide("an object")
			}
		}
	}
	return nil
}

// xmlState is where in the markup the xmlGuard stands.
type xmlState int

const (
	inText xmlState = iota
	afterLess
	afterBang
	inTag
	inInstruction
	inComment
	inCDATA
)

// xmlGuard follows the markup of XML and refuses every declaration: DOCTYPE, ENTITY and their kin
// never reach the decoder, so no entity can be defined.
type xmlGuard struct {
	state xmlState
	quote byte   // the open quote inside a tag, or 0
	size  int    // bytes of the tag so far
	tail  string // the last bytes of what ends with more than one character
}

func (g *xmlGuard) check(p []byte) error {
	for _, c := range p {
		switch g.state {
		case inText:
			if c == '<' {
				g.state = afterLess
			}
		case afterLess:
			g.state, g.size, g.quote, g.tail = inTag, 0, 0, ""
			switch c {
			case '!':
				g.state = afterBang
			case '?':
				g.state = inInstruction
			case '>':
				g.state = inText
			}
		case afterBang:
			if err := g.bang(c); err != nil {
				return err
			}
		case inTag:
			if err := g.tag(c); err != nil {
				return err
			}
		case inInstruction:
			g.until(c, "?>")
		case inComment:
			g.until(c, "-->")
		case inCDATA:
			g.until(c, "]]>")
		}
	}
	return nil
}

// bang reads the word after "<!": only comments and character data may begin so.
func (g *xmlGuard) bang(c byte) error {
	const comment, cdata = "--", "[CDATA["
	g.tail += string(c)
	switch {
	case g.tail == comment:
		g.state, g.tail = inComment, ""
	case g.tail == cdata:
		g.state, g.tail = inCDATA, ""
	case !strings.HasPrefix(comment, g.tail) && !strings.HasPrefix(cdata, g.tail):
		return declared()
	}
	return nil
}

func (g *xmlGuard) tag(c byte) error {
	if g.size++; g.size > maxTag {
		return tooWide("a tag")
	}
	switch {
	case g.quote != 0:
		if c == g.quote {
			g.quote = 0
		}
	case c == '"' || c == '\'':
		g.quote = c
	case c == '>':
		g.state = inText
	}
	return nil
}

// until leaves the state when the bytes of end have passed.
func (g *xmlGuard) until(c byte, end string) {
	switch {
	case c != end[len(end)-1]:
		if c != end[0] {
			g.tail = ""
		} else if len(g.tail) < len(end)-1 {
			g.tail += string(c)
		}
	case g.tail == end[:len(end)-1]:
		g.state, g.tail = inText, ""
	default:
		g.tail = ""
	}
}

func declared() error {
	return fault.New(fault.Invalid, "doctype", "The XML holds a document type or entity declaration; none is read.").
		FixedBy("the pipeline that wrote it").Then("take the declaration out")
}
