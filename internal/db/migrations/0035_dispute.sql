-- +goose Up
-- One row for each property of an asset in which two sources disagree, or about which a person said whose word counts.
CREATE TABLE inventory_dispute (
    id       TEXT   PRIMARY KEY,
    asset    TEXT   NOT NULL,
    path     TEXT   NOT NULL,
    question TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    readings BIGINT NOT NULL,
    state    TEXT   NOT NULL,
    source   TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    reason   TEXT   NOT NULL
);
CREATE INDEX inventory_dispute_asset ON inventory_dispute (asset);
CREATE INDEX inventory_dispute_question ON inventory_dispute (question);
CREATE INDEX inventory_dispute_pending ON inventory_dispute (since) WHERE state = 'pending';
