package db

import "context"

// aroundKey is the key of the function that Around puts into a context.
type aroundKey struct{}

// Around gives a context whose Updates run through f: f gets the transaction and the use-case, and
// calls it once or not at all. What f writes is in the same savepoint, so it is durable exactly when the
// use-case is. A surface keeps idempotency keys this way; the use-cases need not know. A second Around
// is put around the first.
func Around(ctx context.Context, f func(tx *Tx, run func(*Tx) error) error) context.Context {
	inner, _ := ctx.Value(aroundKey{}).(func(*Tx, func(*Tx) error) error)
	if inner == nil {
		return context.WithValue(ctx, aroundKey{}, f)
	}
	both := func(tx *Tx, run func(*Tx) error) error {
		return f(tx, func(tx *Tx) error { return inner(tx, run) })
	}
	return context.WithValue(ctx, aroundKey{}, both)
}

// surrounded gives the use-case with what the context puts around it.
func surrounded(ctx context.Context, run func(*Tx) error) func(*Tx) error {
	f, _ := ctx.Value(aroundKey{}).(func(*Tx, func(*Tx) error) error)
	if f == nil {
		return run
	}
	return func(tx *Tx) error { return f(tx, run) }
}
