-- +goose Up
-- All questions are kept, and of each kind the oldest are shown: each is found without reading the others.
DROP INDEX inventory_question_open;
CREATE INDEX inventory_question_open ON inventory_question (ended, kind, since, id);
CREATE INDEX inventory_question_asset ON inventory_question (asset, ended);
CREATE INDEX inventory_question_other ON inventory_question (other, ended) WHERE other <> '';
