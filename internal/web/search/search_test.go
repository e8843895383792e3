package search

import "testing"

// Numbers are read as people write them, and nothing else is taken for one.
func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"7": 7, "#7": 7, "007": 7, "0": 0, "-7": -1, "+7": -1, "#-7": -1, "##7": -1, "7a": -1, "": -1, "99999999999999999999": -1} {
		n, ok := number(text)
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%q is read as %d, %v", text, n, ok)
		}
	}
}
