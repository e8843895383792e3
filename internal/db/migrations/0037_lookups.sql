-- +goose Up
-- What would retire an asset already is asked before another draft is filed.
CREATE INDEX inventory_campaign_answer_retires ON inventory_campaign_answer (asset) WHERE retires <> '';
-- So is what people said of an asset, for each page of it.
CREATE INDEX inventory_identity_other ON inventory_identity (other);
