-- +goose Up
CREATE TABLE ledger_event (
    seq    BIGINT PRIMARY KEY,
    ts     BIGINT NOT NULL,
    verb   TEXT   NOT NULL,
    kind   TEXT   NOT NULL,
    object TEXT   NOT NULL,
    leaf   TEXT   NOT NULL
);
CREATE INDEX ledger_event_object ON ledger_event (object, seq);
CREATE TABLE ledger_detail (
    seq   BIGINT PRIMARY KEY,
    salt  TEXT   NOT NULL,
    body  TEXT   NOT NULL
);
CREATE TABLE ledger_tile (
    id    TEXT   PRIMARY KEY,
    width BIGINT NOT NULL,
    data  TEXT   NOT NULL
);
CREATE TABLE ledger_checkpoint (
    size  BIGINT PRIMARY KEY,
    ts    BIGINT NOT NULL,
    root  TEXT   NOT NULL,
    note  TEXT   NOT NULL
);
