package db

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// job is one use-case on its way through the writer.
type job struct {
	ctx    context.Context
	actor  fault.Actor
	run    func(*Tx) error
	answer chan error
	taken  atomic.Bool // by the writer, or by the caller who gave up waiting; whoever is first
	err    error       // what run returned; answered after the commit
	after  []func()    // run after the commit, if err is nil
	facts  bool        // a business fact was written
}

// Limits of one group commit: enough to share a sync among all clients, short enough that the first
// of a batch does not wait noticeably for the last.
const (
	maxBatch     = 256
	maxBatchTime = 20 * time.Millisecond
)

// Update runs one use-case in a write transaction and returns once it is durable. The transaction
// carries the actor and the instant. An error of run rolls everything of this use-case back; so does
// a covered row without an event. A cancelled ctx gives up only before the use-case has begun.
func (d *DB) Update(ctx context.Context, actor fault.Actor, run func(*Tx) error) error {
	if d.jobs == nil {
		return errors.New("db: opened for reading only")
	}
	j := &job{ctx: ctx, actor: actor, run: surrounded(ctx, run), answer: make(chan error, 1)}
	select {
	case d.jobs <- j:
	case <-d.quit:
		return closedFault()
	case <-ctx.Done():
		return ctx.Err()
	}
	giveUp := ctx.Done()
	for {
		select {
		case err := <-j.answer:
			return err
		case <-giveUp:
			if j.taken.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			giveUp = nil // it has begun: the answer is what the commit says
		case <-d.done:
			select {
			case err := <-j.answer:
				return err
			default:
				return closedFault()
			}
		}
	}
}

func closedFault() error {
	return fault.New(fault.Unavailable, "shutting_down", "The server is stopping; try again in a moment.").
		FixedBy("the operator of the server").Then("try again in a moment, with the same idempotency key")
}

func (d *DB) writeLoop() {
	defer close(d.done)
	var s *session
	for {
		select {
		case j := <-d.jobs:
			s = d.batch(s, j)
		case <-d.quit:
			for {
				select {
				case j := <-d.jobs:
					s = d.batch(s, j)
					continue
				default:
				}
				break
			}
			if s != nil {
				s.close()
			}
			return
		}
	}
}

// batch runs the first job and all that queue up meanwhile in one commit, then answers them. It
// returns the session to use next, nil if this one is broken.
func (d *DB) batch(s *session, first *job) *session {
	var batch []*job
	s, err := d.beginWrite(s)
	if err != nil {
		first.answer <- unavailable(err)
		return nil
	}
	start := time.Now()
	for j := first; j != nil; j = d.nextJob(len(batch), start) {
		batch = append(batch, j)
		broken := d.runJob(s, j)
		if broken != nil {
			d.editions.unknown()
			s.drop()
			for _, b := range batch {
				b.answer <- unavailable(broken)
			}
			return nil
		}
	}
	if err := d.commit(s); err != nil {
		return d.commitBroke(s, batch, err)
	}
	if slices.ContainsFunc(batch, func(j *job) bool { return j.facts }) {
		d.commits.Add(1)
	}
	for _, f := range d.committed {
		d.call(f)
	}
	for _, j := range batch {
		if j.err == nil {
			for _, f := range j.after {
				d.call(f)
			}
		}
		j.answer <- j.err
	}
	return s
}

// commit makes the batch durable. A transaction that an error has aborted must not reach COMMIT:
// PostgreSQL would roll it back and report no error.
func (d *DB) commit(s *session) error {
	if err := d.dialect.intact(s.conn); err != nil {
		return err
	}
	_, err := s.exec("COMMIT")
	return err
}

// call runs one function after a commit. What is durable stays answered as durable, whatever it does.
func (d *DB) call(f func()) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("a function after a commit panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f()
}

func (d *DB) nextJob(n int, start time.Time) *job {
	if n >= maxBatch || time.Since(start) > maxBatchTime {
		return nil
	}
	select {
	case j := <-d.jobs:
		return j
	default:
		return nil
	}
}

func (d *DB) beginWrite(s *session) (*session, error) {
	var err error
	for range 2 { // a second time with a fresh connection, if the old one had gone stale
		if s == nil {
			if s, err = d.open(context.Background(), d.pool); err != nil {
				return nil, err
			}
		}
		for _, text := range d.dialect.begin {
			if _, err = s.exec(text); err != nil {
				break
			}
		}
		if err == nil {
			if !d.dialect.alone {
				d.editions.unknown() // another replica may have written meanwhile
			}
			return s, nil
		}
		s.drop()
		s = nil
	}
	return nil, err
}

func (d *DB) commitBroke(s *session, batch []*job, err error) *session {
	if isLostSync(err) {
		d.fatal(err)
	}
	d.editions.unknown()
	s.drop()
	for _, j := range batch {
		j.answer <- unavailable(err)
	}
	return nil
}

// runJob runs one use-case in a savepoint. The returned error means that the whole transaction is
// lost; the use-case's own error goes into j.err.
func (d *DB) runJob(s *session, j *job) (broken error) {
	if !j.taken.CompareAndSwap(false, true) {
		return nil // nobody waits any more
	}
	if j.err = j.ctx.Err(); j.err != nil {
		return nil
	}
	now, err := d.clock.decide()
	if err != nil {
		j.err = err
		return nil
	}
	tx := d.begin(s, j.actor, now)
	j.err = d.inSavepoint(s, tx, j.run)
	if errors.Is(j.err, errTxLost) {
		return j.err
	}
	j.after, j.facts = tx.after, j.err == nil && tx.facts
	var refusal *fault.Error
	if errors.As(j.err, &refusal) && refusal.Kind == fault.Denied && d.denied != nil {
		denial := d.begin(s, j.actor, now)
		if err := d.inSavepoint(s, denial, func(tx *Tx) error { return d.denied(tx, refusal) }); err != nil {
			if errors.Is(err, errTxLost) {
				return err
			}
			j.err = fmt.Errorf("record denial: %w", err)
		}
		j.facts = true
	}
	return nil
}

func (d *DB) begin(s *session, actor fault.Actor, now time.Time) *Tx {
	return &Tx{session: s, actor: actor, now: now, editions: &d.editions, tail: &d.tail}
}

// errTxLost marks errors after which the connection's transaction is unusable.
var errTxLost = errors.New("transaction lost")

func (d *DB) inSavepoint(s *session, tx *Tx, run func(*Tx) error) error {
	if _, err := s.exec("SAVEPOINT job"); err != nil {
		return fmt.Errorf("%w: %w", errTxLost, err)
	}
	err := runCaught(tx, run)
	if err == nil {
		err = tx.settled()
	}
	tx.end()
	if cause := errors.Join(err, tx.failed); isFull(cause) || isStalePlan(cause) {
		return fmt.Errorf("%w: %w", errTxLost, cause)
	}
	if err == nil {
		if _, err = s.exec("RELEASE SAVEPOINT job"); err == nil {
			return nil
		}
	}
	// Roll back this use-case alone; its neighbours in the batch stay whole.
	for _, table := range tx.touched {
		d.editions.moved(table)
	}
	for _, text := range []string{"ROLLBACK TO SAVEPOINT job", "RELEASE SAVEPOINT job"} {
		if _, back := s.exec(text); back != nil {
			return fmt.Errorf("%w: %w", errTxLost, errors.Join(err, tx.failed, back))
		}
	}
	return err
}

// runCaught turns a panic of one use-case into its error, so that its neighbours in the batch and the
// writer survive.
func runCaught(tx *Tx, run func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("use-case panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return run(tx)
}

// unavailable is the answer when the database could not take the write. After a broken commit the
// outcome is unknown to us: the same request with the same idempotency key gets the true answer.
func unavailable(err error) error {
	if isFull(err) {
		return fault.New(fault.Unavailable, "disk_full", "The server's disk is full: nothing was changed, reading still works.").
			From(err).FixedBy("the operator of the server").Then("free disk space, then try again with the same idempotency key")
	}
	return fault.New(fault.Unavailable, "database_unavailable",
		"The database did not confirm the write; it may or may not have happened.").
		From(err).FixedBy("the operator of the server").Then("try again with the same idempotency key")
}
