package frame

import "plumbline.dev/plumb/internal/fault"

// Places bounds how much of something costly is done at once, over all pages that share it. Who finds none
// is told so at once: a queue of exports would only be longer.
type Places chan struct{}

// Exports is how many files of many rows are written at once.
const Exports = 4

// Take takes a place until leave is called.
func (p Places) Take() (leave func(), err error) {
	select {
	case p <- struct{}{}:
		return func() { <-p }, nil
	default:
		return func() {}, fault.New(fault.Limited, "too_many_exports", "Too many exports are being written at once.").FixedBy("you").Then("try again in a moment")
	}
}
