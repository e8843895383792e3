-- +goose Up
CREATE TABLE web_sent (
    id      TEXT   PRIMARY KEY,
    wording TEXT   NOT NULL,
    object  TEXT   NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX web_sent_at ON web_sent (at);
