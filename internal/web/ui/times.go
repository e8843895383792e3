package ui

import (
	"fmt"
	"time"
)

// Exact is an instant to the second with its zone, for the hover and for machines.
func Exact(t time.Time, zone *time.Location) string {
	return t.In(local(zone)).Format("Monday, 2 January 2006, 15:04:05 MST")
}

// Clock is an instant as lists show it: today's by the hour, others by the day.
func Clock(t, now time.Time, zone *time.Location) string {
	t, now = t.In(local(zone)), now.In(local(zone))
	switch {
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return t.Format("15:04")
	case t.Year() == now.Year():
		return t.Format("2 Jan 15:04")
	}
	return t.Format("2 Jan 2006")
}

// Ago says how far an instant is from now, in words.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	if d <= -time.Second {
		return "in " + Span(-d)
	}
	if d < time.Minute {
		return "just now"
	}
	return Span(d) + " ago"
}

// Span is a duration in its largest unit, for people.
func Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func local(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// At is an instant out of microseconds since 1970.
func At(micros int64) time.Time { return time.UnixMicro(micros) }

// Percent writes hundredths of a percent.
func Percent(hundredths int64) string { return fmt.Sprintf("%.1f %%", float64(hundredths)/100) }
