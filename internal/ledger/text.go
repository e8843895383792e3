package ledger

// strict reads a column that must hold text. SQLite keeps bytes in a column of text where somebody puts
// them; they are read as what no such column holds, so that whatever they are held against differs.
type strict string

// notText is what bytes are read as: a character that the server stores nowhere.
const notText = "\x00"

// Scan takes what the driver read.
func (s *strict) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		text = notText
	}
	*s = strict(text)
	return nil
}
