package evidence

import (
	"math"
	"strconv"
	"time"
)

// timeForms are the ways in which the formats write an instant.
var timeForms = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700"}

// instant reads a time; JUnit often leaves the zone out, and then UTC is meant or at least taken.
// What cannot be read is the zero time: times in a file inform, they decide nothing.
func instant(s string) time.Time {
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// span reads a number of seconds, at most a year of them.
func span(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 366*24*3600 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// cover widens the time of the run by one part of it.
func (res *Result) cover(from, to time.Time) {
	if !from.IsZero() && (res.Started.IsZero() || from.Before(res.Started)) {
		res.Started = from
	}
	if to.After(res.Finished) {
		res.Finished = to
	}
}
