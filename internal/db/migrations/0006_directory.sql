-- +goose Up
CREATE TABLE directory_lending (
    id      TEXT   PRIMARY KEY,
    account TEXT   NOT NULL REFERENCES directory_account (id),
    person  TEXT   NOT NULL REFERENCES directory_person (id),
    issuer  TEXT   NOT NULL REFERENCES directory_person (id),
    since   BIGINT NOT NULL,
    until   BIGINT NOT NULL,
    voucher TEXT   NOT NULL
);
CREATE INDEX directory_lending_account ON directory_lending (account, until);
