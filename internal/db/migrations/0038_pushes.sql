-- +goose Up
-- Ids of the sources to which a token may send documents, with spaces between them; '*' for every source, which only tokens have that were
-- made before there was a choice.
ALTER TABLE directory_token ADD COLUMN sources TEXT NOT NULL DEFAULT '*';
