package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// syntheticState writes a state file of Terraform of about so many bytes.
func syntheticState(path string, size int) (int, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	script := strings.Repeat("line of a script that is some words long\\n", 20)
	n, written := 0, 0
	fmt.Fprint(w, `{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"5c1a9f36-8a1e-4d3b-9c58-000000000001","outputs":{},"resources":[`)
	for ; written < size; n++ {
		comma := ","
		if n == 0 {
			comma = ""
		}
		k, err := fmt.Fprintf(w, `%s{"mode":"managed","type":"hcloud_server","name":"web%d","provider":"provider[\"registry.terraform.io/hetznercloud/hcloud\"]","instances":[{"schema_version":0,"attributes":{"id":"%d","name":"web-%d","password":"pw-%d","labels":{"environment":"prod"},"user_data":"%s%d"},"sensitive_attributes":[[{"type":"get_attr","value":"password"}]]}]}`,
			comma, n, n, n, n, script, n)
		if err != nil {
			return 0, err
		}
		written += k
	}
	fmt.Fprint(w, `]}`)
	return n, w.Flush()
}

// benchState: the most memory that a state of 40 MB takes, in the program that sends it and in the server that reads it.
func benchState(ctx context.Context, e *env) ([]goal, error) {
	o, err := startServer(ctx, e, filepath.Join(e.dir, "state"))
	if err != nil {
		return nil, err
	}
	defer o.stop()
	if err := o.setUp(ctx); err != nil {
		return nil, err
	}
	if err := o.call(ctx, "olga", "POST", "/sources", nil, map[string]any{"name": "terraform", "kind": "terraform"}, nil); err != nil {
		return nil, err
	}
	file, token := filepath.Join(e.dir, "state40m.tfstate"), filepath.Join(e.dir, "token")
	n, err := syntheticState(file, 40<<20)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(token, []byte(o.bearers["olga"]), 0o600); err != nil {
		return nil, err
	}
	_, client, err := timed(ctx, []string{"PLUMB_URL=" + o.base(), "PLUMB_TOKEN_FILE=" + token}, e.plumb, "source", "push", "terraform", file, "-o", "json")
	if err != nil {
		return nil, fmt.Errorf("send the state: %w", err)
	}
	server, err := o.status("VmHWM")
	if err != nil {
		return nil, err
	}
	rates := map[string]float64{"resources": float64(n), "server MiB": server, "client MiB": client}
	g := goal{ID: "P6s", What: "MiB for a 40 MB state, the most of client and server", Unit: "MiB", Bound: 300, Rates: rates}
	return []goal{g.over([]float64{max(server, client)})}, nil
}
