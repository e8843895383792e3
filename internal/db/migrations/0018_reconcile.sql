-- +goose Up
CREATE INDEX reconcile_match_figures ON reconcile_match (production, latest, disposition);
