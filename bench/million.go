package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// atATime is how many assets one pushed table has.
const atATime = 50_000

// benchMillion: a million assets, read through the product's own sources; then one asset, and lists by indexed columns, through HTTP
// under an open load, of a handler that gives the same bytes and asks nobody.
func benchMillion(ctx context.Context, e *env) ([]goal, error) {
	n := 1_000_000
	if e.quick {
		n = 50_000
	}
	o, err := startServer(ctx, e, filepath.Join(e.dir, "million"))
	if err != nil {
		return nil, err
	}
	defer o.stop()
	if err := o.setUp(ctx); err != nil {
		return nil, err
	}
	if err := o.stock(ctx, n); err != nil {
		return nil, err
	}
	g := goal{ID: "P13", What: fmt.Sprintf("%d assets: one, and lists by index, p99 at 100/s, of a bare handler; the slowest", n), Unit: "×", Bound: 3, Rates: map[string]float64{}}
	var worst []float64
	for _, path := range []string{
		fmt.Sprintf("/assets/AST-%06d", n/2), fmt.Sprintf("/assets?name=web-%06d&limit=50", n/3), "/assets?owner=team-007&limit=50",
		"/assets?class=Database&limit=50", "/assets?environment=test&limit=50", "/assets?role=bastion&limit=50", "/assets?state=missing&limit=50", "/assets?unlabelled=true&limit=50",
	} {
		ratios, err := o.against(ctx, e, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		one := goal{}.over(ratios)
		g.Rates[path] = one.Ratio
		if len(worst) == 0 || one.Ratio > worst[len(worst)/2] {
			worst = ratios
		}
	}
	return []goal{g.over(worst)}, nil
}

// stock reads tables of assets until there are so many: one in a thousand has one of the owners, one in ten thousand is a bastion, some
// are databases.
func (o *office) stock(ctx context.Context, n int) error {
	for from := 0; from < n; from += atATime {
		name := fmt.Sprintf("stock-%d", from/atATime)
		if err := o.call(ctx, "olga", "POST", "/sources", nil, map[string]any{"name": name, "kind": "csv"}, nil); err != nil {
			return err
		}
		var table bytes.Buffer
		table.WriteString("name,id,class,environment,classification,owner,role\n")
		for i := from; i < min(n, from+atATime); i++ {
			class, role := "Host", "web"
			if i%100 == 0 {
				class = "Database"
			}
			if i%10_000 == 9_999 {
				role = "bastion"
			}
			fmt.Fprintf(&table, "web-%06d,id-%06d,%s,%s,internal,team-%03d,%s\n", i, i, class, []string{"prod", "prod", "test", "dev"}[i%4], i%1000, role)
		}
		if err := o.call(ctx, "olga", "POST", "/sources/"+name+"/documents", map[string]string{"Content-Type": "text/csv"}, table.Bytes(), io.Discard); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "  %d assets\n", from+atATime)
	}
	return nil
}

// against measures one address and a twin that gives the same bytes, in turn.
func (o *office) against(ctx context.Context, e *env, path string) (ratios []float64, err error) {
	var same bytes.Buffer
	if err := o.call(ctx, "sam", "GET", path, nil, nil, &same); err != nil {
		return nil, err
	}
	twin, stop, err := serveTwin(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(same.Bytes())
	}))
	if err != nil {
		return nil, err
	}
	defer stop()
	ask := func(url string) func(context.Context) error {
		return func(ctx context.Context) error { return fetch(ctx, o.http, url, o.bearers["sam"]) }
	}
	for range e.rounds {
		base, err := open(ctx, 100, e.span, ask(twin))
		if err != nil {
			return nil, err
		}
		ours, err := open(ctx, 100, e.span, ask(o.url+path))
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, ours.Seconds()/base.Seconds())
	}
	return ratios, nil
}

// fetch reads one answer to its end.
func fetch(ctx context.Context, c *http.Client, url, bearer string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	res, err := c.Do(r)
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
