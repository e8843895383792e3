-- +goose Up
-- One row for each asset of which not everything that has its data counts as much yet. It goes when that is done.
CREATE TABLE inventory_rise (
    id    TEXT   PRIMARY KEY,
    asset TEXT   NOT NULL,
    since BIGINT NOT NULL,
    noted TEXT   NOT NULL
);
CREATE INDEX inventory_rise_since ON inventory_rise (since);
