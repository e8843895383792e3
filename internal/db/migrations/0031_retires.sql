-- +goose Up
-- The change that would retire an asset, drafted because its reviewer does not need it. NULL in what is older.
ALTER TABLE inventory_campaign_answer ADD COLUMN retires TEXT;
