-- +goose Up
-- The approved effects of changes that were closed as successful, for as long as it is not settled that production shows them.
CREATE TABLE reconcile_awaited (
    id      TEXT   PRIMARY KEY, -- of the change
    version BIGINT NOT NULL,
    closed  BIGINT NOT NULL,
    open    BIGINT NOT NULL, -- how many effects are not settled
    claims  TEXT   NOT NULL  -- which, as JSON; empty before the first look
);
CREATE INDEX reconcile_awaited_open ON reconcile_awaited (id) WHERE open > 0;
