-- +goose Up
-- Who answered for the account that brought evidence, at the time. NULL in what is older: of that only who answers for it now is known.
ALTER TABLE change_check ADD COLUMN person TEXT;
