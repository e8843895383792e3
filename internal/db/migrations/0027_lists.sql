-- +goose Up
-- The conditions are those of the queries, to the letter: only so does an engine see that the index answers them.
CREATE INDEX inventory_asset_unlabelled ON inventory_asset (n)
    WHERE NOT (owner <> '' AND replace(body, '"environment"', '') <> body AND replace(body, '"classification"', '') <> body);
CREATE INDEX reconcile_finding_dev ON reconcile_finding (n) WHERE replace(body, '"environment":"dev"', '') <> body;
CREATE INDEX reconcile_finding_test ON reconcile_finding (n) WHERE replace(body, '"environment":"test"', '') <> body;
CREATE INDEX reconcile_finding_shared ON reconcile_finding (n) WHERE replace(body, '"environment":"shared"', '') <> body;
