package ledger

// ParseTile reads the path of a tile.
func ParseTile(path string) (level int, n int64, width int, ok bool) {
	t, _, ok := parseTile(path)
	return t.L, t.N, t.W, ok
}
