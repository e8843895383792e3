-- +goose Up
CREATE TABLE inventory_campaign (
    id         TEXT   PRIMARY KEY,
    n          BIGINT NOT NULL UNIQUE,
    name       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    selection  TEXT   NOT NULL,
    due        BIGINT NOT NULL,
    share      BIGINT NOT NULL,
    fallbacks  TEXT   NOT NULL,
    difference BIGINT NOT NULL,
    head       TEXT   NOT NULL,
    items      BIGINT NOT NULL,
    asked      BIGINT NOT NULL,
    person     TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    signed     BIGINT NOT NULL,
    result     TEXT   NOT NULL
);

-- One row holds the whole frozen list, so that one digest in the ledger answers for it.
CREATE TABLE inventory_campaign_list (
    id   TEXT PRIMARY KEY REFERENCES inventory_campaign (id),
    body TEXT NOT NULL
);

CREATE TABLE inventory_campaign_answer (
    id       TEXT   PRIMARY KEY,
    campaign TEXT   NOT NULL REFERENCES inventory_campaign (id),
    asset    TEXT   NOT NULL,
    turn     BIGINT NOT NULL,
    person   TEXT   NOT NULL,
    word     TEXT   NOT NULL,
    fields   TEXT   NOT NULL,
    comment  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    seen     TEXT   NOT NULL,
    CONSTRAINT one_answer_per_turn UNIQUE (campaign, asset, turn)
);

CREATE TABLE inventory_campaign_signature (
    id       TEXT   PRIMARY KEY,
    campaign TEXT   NOT NULL REFERENCES inventory_campaign (id),
    person   TEXT   NOT NULL,
    result   TEXT   NOT NULL,
    comment  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    CONSTRAINT one_signature_per_person UNIQUE (campaign, person, result)
);
