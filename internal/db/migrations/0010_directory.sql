-- +goose Up
-- One index for both ways in which sessions are found by their end: the live ones in pages, and those that
-- ran out long ago, which the index of live ones did not hold once they had been ended.
DROP INDEX directory_session_last;
CREATE INDEX directory_session_expires ON directory_session (expires, id);
