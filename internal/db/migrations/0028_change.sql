-- +goose Up
-- What a run put in place, by where and what it is called. It is an index of executions and of what they were released for.
CREATE TABLE change_put (
    id        TEXT   PRIMARY KEY,
    place     TEXT   NOT NULL,
    change_id TEXT   NOT NULL,
    permit    TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    digest    TEXT   NOT NULL,
    document  TEXT   NOT NULL,
    outcome   TEXT   NOT NULL,
    ended     BIGINT NOT NULL
);
CREATE INDEX change_put_place ON change_put (place, ended);
