-- +goose Up
CREATE INDEX inventory_asset_role ON inventory_asset (role, n);
