package db

import "testing"

// A server with little to do has one warm reading connection: the last one used is the next.
func TestTheLastReaderIsTheNext(t *testing.T) {
	t.Parallel()
	r := newReaders(2)
	a, b := &session{}, &session{}
	<-r.places
	<-r.places
	if s := r.take(); s != nil {
		t.Errorf("an empty pool gave %v", s)
	}
	r.give(a)
	r.give(b)
	for range 3 {
		<-r.places
		s := r.take()
		if s != b {
			t.Error("the reader that was used last is not the next")
		}
		r.give(s)
	}
	<-r.places
	r.take()
	r.give(nil) // it broke
	<-r.places
	if s := r.take(); s != a {
		t.Error("the other reader is lost")
	}
}
