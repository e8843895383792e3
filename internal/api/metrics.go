package api

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are this surface's figures for Prometheus.
type Metrics struct {
	requests *prometheus.HistogramVec
	verdicts *prometheus.CounterVec
	hooks    *prometheus.CounterVec
}

// NewMetrics makes the figures; the server registers them.
func NewMetrics() *Metrics {
	return &Metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "plumb_request_seconds",
			Help:    "Time from the first byte of a request to the last of its answer, by route and class of status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"route", "status"}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "plumb_gate_verdicts_total",
			Help: "Verdicts of the gate, by use and exit code."}, []string{"use", "code"}),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "plumb_webhook_deliveries_total",
			Help: "Attempts to deliver a webhook, by result."}, []string{"result"}),
	}
}

// Describe is part of prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	m.requests.Describe(out)
	m.verdicts.Describe(out)
	m.hooks.Describe(out)
}

// Collect is part of prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.requests.Collect(out)
	m.verdicts.Collect(out)
	m.hooks.Collect(out)
}

func (m *Metrics) verdict(use string, code int) {
	m.verdicts.WithLabelValues(use, strconv.Itoa(code)).Inc()
}

// timed observes one route; its label is the pattern, never the path that was asked for.
type timed struct {
	m       *Metrics
	pattern string
}

func (m *Metrics) route(r *Route) timed { return timed{m, r.pattern()} }

func (t timed) observe(status int, took time.Duration) {
	class := "2xx"
	if i := status / 100; i >= 1 && i <= 5 {
		class = classes[i]
	}
	t.m.requests.WithLabelValues(t.pattern, class).Observe(took.Seconds())
}

var classes = [6]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}
