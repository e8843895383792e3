-- +goose Up
-- One permit of each kind and attempt, whatever its caller calls the stage.
CREATE UNIQUE INDEX one_permit_per_kind ON change_permit (change_id, kind, attempt);
