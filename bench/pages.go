package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// looked are the pages that people open most, and the filters that find the least.
var looked = []string{"/", "/changes", "/changes?sort=updated", "/changes?state=waiting", "/changes?state=done&sort=oldest", "/changes?category=network",
	"/changes?q=idle+timeout", "/changes?q=nothing", "/changes?by=ann", "/changes/calendar", "/search?q=idle", "/search?q=ann", "/search?q=4711", "/changes/CHG-50000",
	"/policy", "/policy/coverage", "/ledger", "/ledger?verb=change.approved", "/ledger?object=CHG-050000", "/ledger/100000"}

// eachPage is how often each page is asked for.
const eachPage = 40

// pages gives the slowest page's 95th percentile, and says which it is.
func (o *office) pages(ctx context.Context, bearer string) (goal, error) {
	g := goal{ID: "pages", What: "milliseconds to the last byte of the slowest page, p95", Unit: "ms", Bound: 50, Rates: map[string]float64{}}
	base := strings.TrimSuffix(o.url, "/api/v1")
	worst := 0.0
	for _, path := range looked {
		took := []float64{}
		for range eachPage {
			start := time.Now()
			if err := o.look(ctx, base+path, bearer); err != nil {
				return g, err
			}
			took = append(took, float64(time.Since(start).Microseconds())/1000)
		}
		slices.Sort(took)
		p95 := took[len(took)*95/100]
		if g.Rates[path] = p95; p95 > worst {
			worst = p95
		}
	}
	return g.over([]float64{worst}), nil
}

func (o *office) look(ctx context.Context, url, bearer string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.AddCookie(&http.Cookie{Name: "plumb", Value: bearer})
	res, err := o.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, res.StatusCode)
	}
	return nil
}
