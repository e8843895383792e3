-- +goose Up
CREATE TABLE web_preference (
    person  TEXT   PRIMARY KEY,
    zone    TEXT   NOT NULL,
    theme   TEXT   NOT NULL,
    updated BIGINT NOT NULL
);

CREATE TABLE web_view (
    id      TEXT   PRIMARY KEY,
    person  TEXT   NOT NULL,
    page    TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    query   TEXT   NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX web_view_person ON web_view (person, page, name);

CREATE TABLE web_draft (
    id       TEXT   PRIMARY KEY,
    person   TEXT   NOT NULL,
    category TEXT   NOT NULL,
    title    TEXT   NOT NULL,
    body     TEXT   NOT NULL,
    updated  BIGINT NOT NULL
);
CREATE INDEX web_draft_person ON web_draft (person, updated);

CREATE TABLE web_seen (
    id      TEXT   PRIMARY KEY,
    person  TEXT   NOT NULL,
    object  TEXT   NOT NULL,
    part    BIGINT NOT NULL,
    digest  TEXT   NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX web_seen_object ON web_seen (person, object, part);

CREATE TABLE web_away (
    person  TEXT   PRIMARY KEY,
    since   BIGINT NOT NULL,
    until   BIGINT NOT NULL,
    note    TEXT   NOT NULL,
    updated BIGINT NOT NULL
);
CREATE INDEX web_away_until ON web_away (until);
