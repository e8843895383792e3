-- +goose Up
CREATE TABLE ledger_event (
    seq    BIGINT NOT NULL PRIMARY KEY,
    ts     BIGINT NOT NULL,
    verb   TEXT   NOT NULL,
    kind   TEXT   NOT NULL,
    object TEXT   NOT NULL,
    leaf   TEXT   NOT NULL
);
CREATE INDEX ledger_event_object ON ledger_event (object, seq);
CREATE TABLE ledger_detail (
    seq   BIGINT NOT NULL PRIMARY KEY,
    salt  TEXT   NOT NULL,
    body  TEXT   NOT NULL
);
CREATE TABLE ledger_tile (
    id    TEXT   NOT NULL PRIMARY KEY,
    width BIGINT NOT NULL,
    data  TEXT   NOT NULL
);
CREATE TABLE ledger_checkpoint (
    size  BIGINT NOT NULL PRIMARY KEY,
    root  TEXT   NOT NULL,
    note  TEXT   NOT NULL
);
