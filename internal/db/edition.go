package db

// editions number what the writer knows of each table. They belong to the writer's goroutine.
type editions struct {
	count  int64
	base   int64            // of every table that was not written since
	tables map[string]int64 // written since
}

// moved says that the rows of a table may be others now.
func (e *editions) moved(table string) {
	e.count++
	if e.tables == nil {
		e.tables = map[string]int64{}
	}
	e.tables[table] = e.count
}

// unknown says that the rows of every table may be others now.
func (e *editions) unknown() {
	e.count++
	e.base = e.count
	clear(e.tables)
}

func (e *editions) of(table string) int64 {
	if n, ok := e.tables[table]; ok {
		return n
	}
	return e.base
}

// edition gives a number for what a table holds, as this transaction sees it: while it is the same, the
// rows are the same. Every write moves it, and so does the rollback of one. On SQLite nobody writes past
// this process, because it holds the lock of the folder; on PostgreSQL other replicas do, so there a number
// is good for the batch of use-cases that run under one advisory lock. In a view it is 0: nothing is known.
func (tx *Tx) edition(table string) int64 {
	if tx.editions == nil {
		return 0
	}
	return tx.editions.of(table)
}

// Memory keeps one value that was read from a table until the table is written. The zero value is empty.
// It must be used with one database only, whose writer's goroutine owns it; views pass it by.
type Memory[T any] struct {
	at    int64 // edition of the table; 0 while nothing is kept
	value T
}

// Recall gives the value that read gives: from memory while the table was not written since, by reading
// anew otherwise, and always in a view. What it gives is shared and must not be changed.
func (m *Memory[T]) Recall(tx *Tx, table string, read func() (T, error)) (T, error) {
	at := tx.edition(table)
	if at != 0 && at == m.at {
		return m.value, nil
	}
	v, err := read()
	if err == nil && at != 0 {
		m.at, m.value = at, v
	}
	return v, err
}

// Keep replaces the value by one that the caller knows to be that of the table now, because the caller
// wrote it.
func (m *Memory[T]) Keep(tx *Tx, table string, v T) {
	if at := tx.edition(table); at != 0 {
		m.at, m.value = at, v
	}
}

// Tail is where the ledger ends.
type Tail struct {
	Next int64 // number of the next event
	At   int64 // instant of the newest event, in microseconds
}

// Tail gives the memory of where the ledger ends. Only the ledger uses it.
func (tx *Tx) Tail() *Memory[Tail] {
	if tx.tail == nil {
		return &Memory[Tail]{}
	}
	return tx.tail
}
