package server

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"plumbline.dev/plumb/internal/api"
	"plumbline.dev/plumb/internal/seal"
)

// handler puts the operator's three resources beside the API.
func (s *Server) handler(figures *api.Metrics) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), figures, s.gauges())
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 10 * time.Second, MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			s.plain(w, r, http.StatusOK, nil)
		case "/readyz":
			state := s.readiness(r.Context())
			status := http.StatusOK
			if len(state) > 0 {
				status = http.StatusServiceUnavailable
			}
			s.plain(w, r, status, state)
		case "/metrics":
			if !s.near(r) && !s.api.MayMeasure(r) {
				s.plain(w, r, http.StatusUnauthorized, map[string]string{"metrics": "need a token with the scope admin-read, or loopback"})
				return
			}
			metrics.ServeHTTP(w, r)
		default:
			s.asked.Add(1)
			if forPrograms(r.URL.Path) {
				s.api.ServeHTTP(w, r)
				return
			}
			s.pages.ServeHTTP(w, r)
		}
	})
}

// forPrograms tells the API and its description from the pages.
func forPrograms(path string) bool {
	return strings.HasPrefix(path, "/api/") || path == "/api" || path == "/docs" || strings.HasPrefix(path, "/docs/") || path == "/openapi.json" ||
		path == "/ledger/checkpoint" || strings.HasPrefix(path, "/ledger/tile/")
}

// near says that the request comes from this very machine, and not through a proxy.
func (s *Server) near(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && at.Addr().Unmap().IsLoopback() && !s.cfg.BehindProxy
}

// plain answers a small JSON document: ok, and what is not.
func (s *Server) plain(w http.ResponseWriter, r *http.Request, status int, wrong map[string]string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		status = http.StatusMethodNotAllowed
	}
	b, err := seal.Canonical(struct {
		OK    bool              `json:"ok"`
		Wrong map[string]string `json:"wrong,omitempty"`
	}{status == http.StatusOK, wrong})
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // nobody listens any more if it fails
}

// readyTime bounds how long readiness is looked into.
const readyTime = 2 * time.Second

// readiness lists what keeps the server from being used; empty when nothing does.
func (s *Server) readiness(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	wrong := map[string]string{}
	if err := s.db.Ping(ctx); err != nil {
		wrong["database"] = "does not answer"
	} else if err := s.db.Steady(); err != nil {
		wrong["clock"] = "is behind what was recorded"
	}
	if err := s.disk.writable(); err != nil {
		wrong["disk"] = "is nearly full"
	}
	return wrong
}

// gauges are read when Prometheus asks.
func (s *Server) gauges() prometheus.Collector {
	return &gauges{server: s,
		waiting: prometheus.NewDesc("plumb_findings_waiting", "Findings that wait for an answer, by severity.", []string{"severity"}, nil),
		overdue: prometheus.NewDesc("plumb_findings_overdue", "Findings that were not answered within their time.", nil, nil),
		share:   prometheus.NewDesc("plumb_unauthorized_share", "Share of the differences in production of 30 days that no approved change explains, 0 to 1.", nil, nil),
		behind:  prometheus.NewDesc("plumb_differences_unjudged", "Differences that were observed and not judged yet.", nil, nil),
		events:  prometheus.NewDesc("plumb_ledger_events", "Events in the ledger.", nil, nil),
		lag:     prometheus.NewDesc("plumb_ledger_lag_events", "Events that are not under a signed checkpoint yet.", nil, nil),
		logins:  prometheus.NewDesc("plumb_failed_logins_total", "Logins refused since the start.", nil, nil),
		commits: prometheus.NewDesc("plumb_commits_total", "Durable commits that changed a business fact.", nil, nil),
		reports: prometheus.NewDesc("plumb_page_reports_total", "Reports of browsers that the content policy of a page stopped something.", nil, nil),
		free:    prometheus.NewDesc("plumb_disk_free_bytes", "Room on the disk of the data folder.", nil, nil)}
}

type gauges struct {
	server                                      *Server
	events, lag, logins, commits, reports, free *prometheus.Desc
	waiting, overdue, share, behind             *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.events, g.lag, g.logins, g.commits, g.reports, g.free, g.waiting, g.overdue, g.share, g.behind} {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	s := g.server
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	if events, signed, err := s.lag(ctx); err == nil {
		gauge(g.events, float64(events))
		gauge(g.lag, float64(events-signed))
	}
	out <- prometheus.MustNewConstMetric(g.logins, prometheus.CounterValue, float64(s.people.FailedLogins()))
	out <- prometheus.MustNewConstMetric(g.reports, prometheus.CounterValue, float64(s.reports.Load()))
	out <- prometheus.MustNewConstMetric(g.commits, prometheus.CounterValue, float64(s.db.Commits()))
	if free, _, err := room(s.cfg.Data); err == nil {
		gauge(g.free, float64(free))
	}
	g.reconciled(ctx, out)
}

// reconciled tells what reconciliation counts. The labels are the four severities, so their number is bounded.
func (g *gauges) reconciled(ctx context.Context, out chan<- prometheus.Metric) {
	f, err := g.server.match.Figures(ctx, g.server.db.Now().AddDate(0, 0, -30).UnixMicro())
	if err != nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for severity, n := range f.Severity {
		gauge(g.waiting, float64(n), severity)
	}
	gauge(g.overdue, float64(f.Overdue))
	gauge(g.behind, float64(f.Behind))
	share := 0.0
	if f.Judged > 0 {
		share = float64(f.Unauthorized) / float64(f.Judged)
	}
	gauge(g.share, share)
}
