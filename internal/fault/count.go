package fault

import "strconv"

// Count says how many in a sentence: "1 finding waits", "3 findings wait". one and many are the words for one and for any other number, with
// whatever of the sentence goes with them.
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(int64(n), 10) + " " + many
}
