-- +goose Up
CREATE TABLE fleet_token (
    id      TEXT   PRIMARY KEY,
    hash    TEXT   NOT NULL UNIQUE,
    note    TEXT   NOT NULL,
    person  TEXT   NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    revoked BIGINT NOT NULL,
    used    BIGINT NOT NULL,
    agent   TEXT   NOT NULL
);
CREATE INDEX fleet_token_created ON fleet_token (created);

CREATE TABLE fleet_agent (
    id       TEXT   PRIMARY KEY,
    n        BIGINT NOT NULL UNIQUE,
    name     TEXT   NOT NULL,
    key      TEXT   NOT NULL UNIQUE,
    token    TEXT   NOT NULL REFERENCES fleet_token (id),
    enrolled BIGINT NOT NULL,
    revoked  BIGINT NOT NULL,
    person   TEXT   NOT NULL,
    why      TEXT   NOT NULL,
    conflict BIGINT NOT NULL,
    detail   TEXT   NOT NULL
);

CREATE TABLE fleet_presence (
    id        TEXT   PRIMARY KEY REFERENCES fleet_agent (id),
    boot      TEXT   NOT NULL,
    seen      BIGINT NOT NULL,
    skew      BIGINT NOT NULL,
    horizon   BIGINT NOT NULL,
    root      TEXT   NOT NULL,
    changed   BIGINT NOT NULL,
    taken     TEXT   NOT NULL,
    confirmed BIGINT NOT NULL,
    lost      BIGINT NOT NULL
);
CREATE INDEX fleet_presence_seen ON fleet_presence (seen);

CREATE TABLE fleet_boot (
    id    TEXT   PRIMARY KEY,
    agent TEXT   NOT NULL REFERENCES fleet_agent (id),
    boot  TEXT   NOT NULL,
    seq   BIGINT NOT NULL,
    sent  BIGINT NOT NULL,
    first BIGINT NOT NULL
);
CREATE INDEX fleet_boot_agent ON fleet_boot (agent, first);

CREATE TABLE fleet_fact (
    id    TEXT PRIMARY KEY REFERENCES fleet_agent (id),
    root  TEXT NOT NULL,
    facts TEXT NOT NULL,
    last  TEXT NOT NULL
);
