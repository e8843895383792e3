package ui

import "fmt"

// Bar is one column of a chart: how high it is, which part of it is bad, and both in words.
type Bar struct {
	Label string // under the column, and in the table
	Value int64
	Bad   int64  // part of Value
	Text  string // the value as it is said; "" for the number
}

func (b Bar) text() string {
	if b.Text != "" {
		return b.Text
	}
	return fmt.Sprint(b.Value)
}

// Size of a chart in its own units; it scales with the page.
const (
	chartWidth  = 360
	chartHeight = 96
	chartBase   = 80 // where the columns stand
)

type column struct {
	X, Y, Width, Height, BadY, BadHeight string
	Text, Label                          string
	LabelX                               string
	Shown                                bool // its label stands under it
}

// columns places bars side by side, the highest over the whole height.
func columns(bars []Bar) []column {
	top := int64(1)
	for _, b := range bars {
		top = max(top, b.Value)
	}
	out := make([]column, len(bars))
	step := float64(chartWidth) / float64(max(len(bars), 1))
	for i, b := range bars {
		height := float64(b.Value) / float64(top) * (chartBase - 6)
		bad := float64(b.Bad) / float64(top) * (chartBase - 6)
		x := float64(i)*step + step*.15
		out[i] = column{X: number(x), Width: number(step * .7), Y: number(chartBase - height), Height: number(height), BadY: number(chartBase - bad), BadHeight: number(bad),
			Text: b.Label + ": " + b.text(), Label: b.Label, LabelX: number(x + step*.35), Shown: i == 0 || i == len(bars)-1 || i == len(bars)/2}
	}
	return out
}

func number(f float64) string { return fmt.Sprintf("%.1f", f) }
