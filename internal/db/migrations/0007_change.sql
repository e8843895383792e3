-- +goose Up
CREATE TABLE change_word (
    id     TEXT   PRIMARY KEY,
    word   TEXT   NOT NULL,
    number BIGINT NOT NULL
);
CREATE INDEX change_word_word ON change_word (word, number);
CREATE INDEX change_word_number ON change_word (number);

CREATE TABLE change_titled (
    id      TEXT   PRIMARY KEY,
    number  BIGINT NOT NULL,
    summary TEXT   NOT NULL,
    updated BIGINT NOT NULL
);
CREATE INDEX change_titled_updated ON change_titled (updated);

CREATE INDEX change_comment_at ON change_comment (at);
CREATE INDEX change_revision_at ON change_revision (at);
