-- +goose Up
-- How many findings of one asset wait is asked before another one is raised.
CREATE INDEX reconcile_finding_waiting ON reconcile_finding (asset, state);
