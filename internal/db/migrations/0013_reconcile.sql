-- +goose Up
CREATE TABLE reconcile_charter (
    id        TEXT   PRIMARY KEY,
    change_id TEXT   NOT NULL,
    n         BIGINT NOT NULL,
    rev       TEXT   NOT NULL,
    until     BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    claims    BIGINT NOT NULL,
    body      TEXT   NOT NULL
);
CREATE INDEX reconcile_charter_until ON reconcile_charter (until);
CREATE INDEX reconcile_charter_change ON reconcile_charter (change_id);

CREATE TABLE reconcile_claim (
    id      TEXT   PRIMARY KEY,
    charter TEXT   NOT NULL REFERENCES reconcile_charter (id),
    part    BIGINT NOT NULL,
    claims  TEXT   NOT NULL,
    CONSTRAINT one_part_of_a_charter UNIQUE (charter, part)
);

CREATE TABLE reconcile_match (
    id          TEXT    PRIMARY KEY,
    n           BIGINT  NOT NULL UNIQUE,
    asset       TEXT    NOT NULL,
    record      TEXT    NOT NULL,
    path        TEXT    NOT NULL,
    after       TEXT    NOT NULL,
    latest      BIGINT  NOT NULL,
    disposition TEXT    NOT NULL,
    change_id   TEXT    NOT NULL,
    claim       TEXT    NOT NULL,
    finding     TEXT    NOT NULL,
    production  BOOLEAN NOT NULL,
    version     BIGINT  NOT NULL,
    hits        TEXT    NOT NULL
);
CREATE INDEX reconcile_match_change ON reconcile_match (change_id, n);
CREATE INDEX reconcile_match_record ON reconcile_match (record, path, n);
CREATE INDEX reconcile_match_asset ON reconcile_match (asset, n);
CREATE INDEX reconcile_match_latest ON reconcile_match (latest, disposition);
CREATE INDEX reconcile_match_finding ON reconcile_match (finding);

CREATE TABLE reconcile_finding (
    id          TEXT   PRIMARY KEY,
    n           BIGINT NOT NULL UNIQUE,
    version     BIGINT NOT NULL,
    fingerprint TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    severity    TEXT   NOT NULL,
    score       BIGINT NOT NULL,
    asset       TEXT   NOT NULL,
    owner       TEXT   NOT NULL,
    change_id   TEXT   NOT NULL,
    difference  BIGINT NOT NULL,
    opened      BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    body        TEXT   NOT NULL
);
CREATE INDEX reconcile_finding_state ON reconcile_finding (state, n);
CREATE INDEX reconcile_finding_fingerprint ON reconcile_finding (fingerprint, state);
CREATE INDEX reconcile_finding_due ON reconcile_finding (state, due);
CREATE INDEX reconcile_finding_asset ON reconcile_finding (asset, n);
CREATE INDEX reconcile_finding_change ON reconcile_finding (change_id, n);

CREATE TABLE reconcile_mute (
    id      TEXT   PRIMARY KEY,
    n       BIGINT NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    state   TEXT   NOT NULL,
    expires BIGINT NOT NULL,
    body    TEXT   NOT NULL
);
CREATE INDEX reconcile_mute_state ON reconcile_mute (state, expires);

CREATE TABLE reconcile_cursor (
    id TEXT   PRIMARY KEY,
    n  BIGINT NOT NULL
);

CREATE INDEX inventory_record_native ON inventory_record (native);
