-- +goose Up
CREATE TABLE directory_install (
    id      TEXT   PRIMARY KEY,
    company TEXT   NOT NULL,
    prefix  TEXT   NOT NULL,
    zone    TEXT   NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE directory_setup (
    id      TEXT   PRIMARY KEY,
    hash    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    used    BIGINT NOT NULL
);

CREATE TABLE directory_epoch (
    id      TEXT PRIMARY KEY,
    people  TEXT NOT NULL,
    bearers TEXT NOT NULL
);

CREATE TABLE directory_person (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    email_fold TEXT   NOT NULL CONSTRAINT one_person_per_address UNIQUE,
    note       TEXT   NOT NULL,
    disabled   BIGINT NOT NULL,
    created    BIGINT NOT NULL
);

CREATE TABLE directory_account (
    id         TEXT   PRIMARY KEY,
    person     TEXT   NOT NULL REFERENCES directory_person (id),
    kind       TEXT   NOT NULL CONSTRAINT known_kind_of_account CHECK (kind IN ('local', 'service')),
    username   TEXT   NOT NULL,
    fold       TEXT   NOT NULL CONSTRAINT one_account_per_username UNIQUE,
    password   TEXT   NOT NULL,
    once       TEXT   NOT NULL,
    once_until BIGINT NOT NULL,
    lent_by    TEXT   NOT NULL,
    lent_at    BIGINT NOT NULL,
    note       TEXT   NOT NULL,
    repos      TEXT   NOT NULL,
    ended      BIGINT NOT NULL,
    created    BIGINT NOT NULL
);
CREATE INDEX directory_account_person ON directory_account (person);

CREATE TABLE directory_group (
    id      TEXT   PRIMARY KEY,
    name    TEXT   NOT NULL,
    fold    TEXT   NOT NULL CONSTRAINT one_group_per_name UNIQUE,
    note    TEXT   NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE directory_member (
    id        TEXT   PRIMARY KEY,
    group_id  TEXT   NOT NULL REFERENCES directory_group (id),
    member    TEXT   NOT NULL,
    change_id TEXT   NOT NULL,
    since     BIGINT NOT NULL
);

CREATE TABLE directory_grant (
    id        TEXT   PRIMARY KEY,
    role      TEXT   NOT NULL,
    holder    TEXT   NOT NULL,
    change_id TEXT   NOT NULL,
    since     BIGINT NOT NULL,
    until     BIGINT NOT NULL
);

CREATE TABLE directory_session (
    id      TEXT   PRIMARY KEY,
    account TEXT   NOT NULL REFERENCES directory_account (id),
    person  TEXT   NOT NULL REFERENCES directory_person (id),
    hash    TEXT   NOT NULL CONSTRAINT one_session_per_secret UNIQUE,
    source  TEXT   NOT NULL,
    label   TEXT   NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    ended   BIGINT NOT NULL,
    why     TEXT   NOT NULL
);
CREATE INDEX directory_session_live ON directory_session (person, expires) WHERE ended = 0;
CREATE INDEX directory_session_last ON directory_session (expires, id) WHERE ended = 0;

CREATE TABLE directory_token (
    id      TEXT   PRIMARY KEY,
    account TEXT   NOT NULL REFERENCES directory_account (id),
    person  TEXT   NOT NULL REFERENCES directory_person (id),
    name    TEXT   NOT NULL,
    hash    TEXT   NOT NULL CONSTRAINT one_token_per_secret UNIQUE,
    scopes  TEXT   NOT NULL,
    repo    TEXT   NOT NULL,
    pipe    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    revoked BIGINT NOT NULL,
    why     TEXT   NOT NULL
);
CREATE INDEX directory_token_person ON directory_token (person, expires);
CREATE INDEX directory_token_last ON directory_token (created, id);

CREATE TABLE directory_key (
    id      TEXT   PRIMARY KEY,
    sealed  TEXT   NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE directory_key_issue (
    id      TEXT   PRIMARY KEY,
    repo    TEXT   NOT NULL REFERENCES directory_key (id),
    token   TEXT   NOT NULL REFERENCES directory_token (id),
    created BIGINT NOT NULL
);

CREATE TABLE directory_presence (
    id   TEXT   PRIMARY KEY,
    used BIGINT NOT NULL
);

CREATE TABLE directory_attempt (
    id       TEXT   PRIMARY KEY,
    failures BIGINT NOT NULL,
    last     BIGINT NOT NULL,
    until    BIGINT NOT NULL
);
CREATE INDEX directory_attempt_last ON directory_attempt (last);
