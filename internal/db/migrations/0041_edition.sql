-- +goose Up
-- The edition of the newest document that a scope was read from completely, where documents say one: a source does not go backwards.
ALTER TABLE inventory_scope ADD COLUMN edition BIGINT;
