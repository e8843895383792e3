-- +goose Up
-- One row for each time that the reviewers of a campaign were reminded.
CREATE TABLE inventory_campaign_reminder (
    id       TEXT   PRIMARY KEY,
    campaign TEXT   NOT NULL REFERENCES inventory_campaign (id),
    stage    TEXT   NOT NULL,
    open     BIGINT NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX inventory_campaign_open ON inventory_campaign (signed, due);
