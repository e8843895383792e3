-- +goose Up
-- A diagram of record: what was proposed, by its digest, and who decided. Its graph stands apart and never changes.
CREATE TABLE inventory_diagram (
    id       TEXT   PRIMARY KEY,
    n        BIGINT NOT NULL UNIQUE,
    version  BIGINT NOT NULL,
    slice    TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    head     BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    nodes    BIGINT NOT NULL,
    edges    BIGINT NOT NULL,
    covered  BIGINT NOT NULL,
    person   TEXT   NOT NULL,
    proposed BIGINT NOT NULL,
    reason   TEXT   NOT NULL,
    decider  TEXT   NOT NULL,
    decided  BIGINT NOT NULL,
    note     TEXT   NOT NULL,
    stale    BIGINT NOT NULL
);
CREATE INDEX inventory_diagram_slice ON inventory_diagram (slice, n);
CREATE INDEX inventory_diagram_state ON inventory_diagram (state, n);

CREATE TABLE inventory_diagram_graph (
    id   TEXT PRIMARY KEY REFERENCES inventory_diagram (id),
    body TEXT NOT NULL
);
