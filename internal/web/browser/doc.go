// Package browser holds what tests of the pages in a real Chromium need: scripts that drive it, and the
// tests that start a server for them (build tag browser; run by make test). It is not in the program.
package browser
