-- +goose Up
CREATE TABLE inventory_source (
    id       TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    kind     TEXT    NOT NULL,
    settings TEXT    NOT NULL,
    every    BIGINT  NOT NULL,
    paused   BOOLEAN NOT NULL,
    person   TEXT    NOT NULL,
    created  BIGINT  NOT NULL,
    version  BIGINT  NOT NULL
);

CREATE TABLE inventory_run (
    id          TEXT    PRIMARY KEY,
    n           BIGINT  NOT NULL UNIQUE,
    source      TEXT    NOT NULL REFERENCES inventory_source (id),
    started     BIGINT  NOT NULL,
    ended       BIGINT  NOT NULL,
    complete    BOOLEAN NOT NULL,
    mapper      BIGINT  NOT NULL,
    records     BIGINT  NOT NULL,
    added       BIGINT  NOT NULL,
    changed     BIGINT  NOT NULL,
    absent      BIGINT  NOT NULL,
    differences BIGINT  NOT NULL,
    root        TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    error       TEXT    NOT NULL,
    scopes      TEXT    NOT NULL
);
CREATE INDEX inventory_run_source ON inventory_run (source, n);

CREATE TABLE inventory_scope (
    id       TEXT   PRIMARY KEY,
    source   TEXT   NOT NULL REFERENCES inventory_source (id),
    scope    TEXT   NOT NULL,
    complete BIGINT NOT NULL,
    run      TEXT   NOT NULL,
    readings BIGINT NOT NULL,
    CONSTRAINT one_state_per_scope UNIQUE (source, scope)
);

CREATE TABLE inventory_record (
    id      TEXT   PRIMARY KEY,
    source  TEXT   NOT NULL REFERENCES inventory_source (id),
    scope   TEXT   NOT NULL,
    type    TEXT   NOT NULL,
    native  TEXT   NOT NULL,
    asset   TEXT   NOT NULL,
    digest  TEXT   NOT NULL,
    raw     TEXT   NOT NULL,
    mapper  BIGINT NOT NULL,
    first   BIGINT NOT NULL,
    seen    BIGINT NOT NULL,
    missed  BIGINT NOT NULL,
    gone    BIGINT NOT NULL,
    body    TEXT   NOT NULL
);
CREATE INDEX inventory_record_source ON inventory_record (source, id, digest, raw, missed, gone, scope);
CREATE INDEX inventory_record_asset ON inventory_record (asset);

CREATE TABLE inventory_identifier (
    id     TEXT   PRIMARY KEY,
    kind   TEXT   NOT NULL,
    value  TEXT   NOT NULL,
    record TEXT   NOT NULL REFERENCES inventory_record (id),
    since  BIGINT NOT NULL,
    until  BIGINT NOT NULL
);
CREATE INDEX inventory_identifier_value ON inventory_identifier (kind, value);
CREATE INDEX inventory_identifier_record ON inventory_identifier (record);

CREATE TABLE inventory_edge (
    id       TEXT   PRIMARY KEY,
    record   TEXT   NOT NULL REFERENCES inventory_record (id),
    verb     TEXT   NOT NULL,
    to_kind  TEXT   NOT NULL,
    to_value TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    until    BIGINT NOT NULL
);
CREATE INDEX inventory_edge_record ON inventory_edge (record);
CREATE INDEX inventory_edge_to ON inventory_edge (to_kind, to_value);

CREATE TABLE inventory_asset (
    id             TEXT   PRIMARY KEY,
    n              BIGINT NOT NULL UNIQUE,
    version        BIGINT NOT NULL,
    class          TEXT   NOT NULL,
    type           TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    environment    TEXT   NOT NULL,
    classification TEXT   NOT NULL,
    owner          TEXT   NOT NULL,
    role           TEXT   NOT NULL,
    first          BIGINT NOT NULL,
    changed        BIGINT NOT NULL,
    body           TEXT   NOT NULL
);
CREATE INDEX inventory_asset_name ON inventory_asset (name, n);
CREATE INDEX inventory_asset_class ON inventory_asset (class, n);
CREATE INDEX inventory_asset_environment ON inventory_asset (environment, n);
CREATE INDEX inventory_asset_classification ON inventory_asset (classification, n);
CREATE INDEX inventory_asset_owner ON inventory_asset (owner, n);
CREATE INDEX inventory_asset_state ON inventory_asset (state, n);

CREATE TABLE inventory_difference (
    id       TEXT    PRIMARY KEY,
    n        BIGINT  NOT NULL UNIQUE,
    asset    TEXT    NOT NULL,
    record   TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    run      TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    native   TEXT    NOT NULL,
    op       TEXT    NOT NULL,
    path     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    before   TEXT    NOT NULL,
    after    TEXT    NOT NULL,
    earliest BIGINT  NOT NULL,
    latest   BIGINT  NOT NULL,
    actor    TEXT    NOT NULL,
    baseline BOOLEAN NOT NULL,
    settled  TEXT    NOT NULL
);
CREATE INDEX inventory_difference_asset ON inventory_difference (asset, n);
CREATE INDEX inventory_difference_record ON inventory_difference (record, n);
CREATE INDEX inventory_difference_run ON inventory_difference (run);

CREATE TABLE inventory_identity (
    id      TEXT   PRIMARY KEY,
    n       BIGINT NOT NULL UNIQUE,
    verb    TEXT   NOT NULL,
    asset   TEXT   NOT NULL,
    other   TEXT   NOT NULL,
    records TEXT   NOT NULL,
    person  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    reason  TEXT   NOT NULL,
    undone  BIGINT NOT NULL
);
CREATE INDEX inventory_identity_asset ON inventory_identity (asset);

CREATE TABLE inventory_question (
    id     TEXT   PRIMARY KEY,
    kind   TEXT   NOT NULL,
    asset  TEXT   NOT NULL,
    other  TEXT   NOT NULL,
    detail TEXT   NOT NULL,
    since  BIGINT NOT NULL,
    ended  BIGINT NOT NULL,
    person TEXT   NOT NULL
);
CREATE INDEX inventory_question_open ON inventory_question (ended, since);
