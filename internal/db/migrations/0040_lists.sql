-- +goose Up
-- The last changes of a state are its first entries: without it the home page goes through every change that is over.
CREATE INDEX change_change_touched ON change_change (state, updated, number, category, type, requester, created);
