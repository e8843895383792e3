-- +goose Up
-- The assets that an exception by name is about: those that were called so when it was reviewed, some hundred in a row, and those that an
-- approved change brought about since.
CREATE TABLE reconcile_mute_asset (
    id     TEXT PRIMARY KEY,
    mute   TEXT NOT NULL REFERENCES reconcile_mute (id),
    assets TEXT NOT NULL
);
CREATE INDEX reconcile_mute_asset_mute ON reconcile_mute_asset (mute);
