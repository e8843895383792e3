package connecttest

import (
	"testing"
	"time"
)

// Linear fails a test in which ten times the size is far more than ten times the work. work does n of it. The best of a few runs counts,
// because others use the machine too.
func Linear(t *testing.T, n int, work func(n int)) {
	t.Helper()
	best := func(n int) time.Duration {
		least := time.Duration(1<<63 - 1)
		for range 3 {
			began := time.Now()
			work(n)
			least = min(least, time.Since(began))
		}
		return least
	}
	if small, large := best(n), best(10*n); large > 40*small {
		t.Errorf("%d of it take %v, and %d take %v", n, small, 10*n, large)
	}
}
