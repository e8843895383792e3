package server_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// clients is how many ask at once.
const clients = 32

// ask posts one body over and over by all clients at once.
func ask(b *testing.B, url, bearer string, body []byte) {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer c.CloseIdleConnections()
	b.SetParallelism(clients)
	b.ReportAllocs()
	b.ResetTimer()
	before := processor(b)
	defer func() { b.ReportMetric(float64(processor(b)-before)/float64(b.N), "cpu-ns/op") }()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequest("POST", url, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+bearer)
			res, err := c.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			if res.Body.Close(); res.StatusCode != http.StatusOK {
				b.Errorf("status %d", res.StatusCode)
				return
			}
		}
	})
}

// processor is the time that this process has had of the processors: on a busy machine it says more than
// the clock. Client and server share it.
func processor(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// The twin: a server that reads the same document and writes it back.
func BenchmarkEcho(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q wire.GateRequest
		if err := json.UnmarshalRead(r.Body, &q); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.MarshalWrite(w, q)
	})}
	go s.Serve(l)
	defer s.Close()
	body, err := json.Marshal(servertest.Request("CHG-1", wire.KindApply))
	if err != nil {
		b.Fatal(err)
	}
	ask(b, "http://"+l.Addr().String(), "none", body)
}

func BenchmarkGateCheck(b *testing.B) {
	s := servertest.Start(b)
	c := s.Approved()
	body, err := json.Marshal(servertest.Request(c.ID, wire.KindApply))
	if err != nil {
		b.Fatal(err)
	}
	ask(b, s.URL+"/api/v1/gate/check", s.CI().Secret, body)
}

func BenchmarkFile(b *testing.B) {
	s := servertest.Start(b)
	body, err := json.Marshal(s.Material())
	if err != nil {
		b.Fatal(err)
	}
	post := func(b *testing.B) {
		c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
		defer c.CloseIdleConnections()
		b.SetParallelism(clients)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				res, err := c.Do(s.As(servertest.Alice).Request("POST", "/changes", body, "Content-Type", "application/json"))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				if res.Body.Close(); res.StatusCode != http.StatusCreated {
					b.Errorf("status %d", res.StatusCode)
					return
				}
			}
		})
	}
	b.ResetTimer()
	post(b)
}
