-- +goose Up
-- One row for each source that was removed. Its other rows stay, for its history is told by them.
CREATE TABLE inventory_source_removal (
    id     TEXT   PRIMARY KEY,
    source TEXT   NOT NULL UNIQUE REFERENCES inventory_source (id),
    person TEXT   NOT NULL,
    at     BIGINT NOT NULL
);
