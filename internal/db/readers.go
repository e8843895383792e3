package db

import "sync"

// readers are the connections for views. The one that was used last is used next: a server with little to
// do keeps one of them warm, and the others hold no cache.
type readers struct {
	places chan struct{} // a token for each view that may run now

	mu   sync.Mutex
	idle []*session // guarded by mu
}

func newReaders(n int) *readers {
	r := &readers{places: make(chan struct{}, n)}
	for range n {
		r.places <- struct{}{}
	}
	return r
}

// take gives an idle connection, nil where one must be opened. Whoever takes holds a token.
func (r *readers) take() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.idle)
	if n == 0 {
		return nil
	}
	s := r.idle[n-1]
	r.idle = r.idle[:n-1]
	return s
}

// give puts a connection back, nil for one that is gone, and its token.
func (r *readers) give(s *session) {
	if s != nil {
		r.mu.Lock()
		r.idle = append(r.idle, s)
		r.mu.Unlock()
	}
	r.places <- struct{}{}
}
