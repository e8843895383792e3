package db

import "database/sql"

// Queued is how many use-cases wait for the writer.
func (d *DB) Queued() int { return len(d.jobs) }

// Pools gives the connections themselves, so that a test can ask five of them for their settings.
func (d *DB) Pools() (write, read *sql.DB) { return d.pool, d.read }

// Migrations are the files that make the schema.
var Migrations = migrations
