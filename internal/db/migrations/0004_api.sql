-- +goose Up
CREATE TABLE api_idempotent (
    id      TEXT   PRIMARY KEY,
    request TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    object  TEXT   NOT NULL,
    status  BIGINT NOT NULL,
    etag    TEXT   NOT NULL,
    body    TEXT   NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX api_idempotent_created ON api_idempotent (created);

CREATE TABLE api_webhook (
    id       TEXT   PRIMARY KEY,
    url      TEXT   NOT NULL,
    verbs    TEXT   NOT NULL,
    sealed   TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    account  TEXT   NOT NULL,
    starts   BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    ended    BIGINT NOT NULL
);

CREATE TABLE api_webhook_delivery (
    id       TEXT   PRIMARY KEY,
    webhook  TEXT   NOT NULL,
    seq      BIGINT NOT NULL,
    state    TEXT   NOT NULL,
    tries    BIGINT NOT NULL,
    next     BIGINT NOT NULL,
    status   BIGINT NOT NULL,
    problem  TEXT   NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX api_webhook_delivery_webhook ON api_webhook_delivery (webhook, seq);

CREATE TABLE api_webhook_cursor (
    id    TEXT   PRIMARY KEY,
    seq   BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    next  BIGINT NOT NULL
);
