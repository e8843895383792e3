-- +goose Up
CREATE TABLE change_change (
    id         TEXT   PRIMARY KEY,
    number     BIGINT NOT NULL UNIQUE,
    version    BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    category   TEXT   NOT NULL,
    summary    TEXT   NOT NULL,
    requester  TEXT   NOT NULL,
    rev        BIGINT NOT NULL,
    rev_digest TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    body       TEXT   NOT NULL
);
CREATE INDEX change_change_state ON change_change (state, number, category, type, requester, created);
CREATE INDEX change_change_requester ON change_change (requester, number, state, category, type, created);
CREATE INDEX change_change_list ON change_change (number, state, category, type, requester, created);
CREATE INDEX change_change_due ON change_change (due) WHERE due > 0;
CREATE INDEX change_change_updated ON change_change (updated, number, state, category, type, requester, created);
CREATE INDEX change_change_created ON change_change (created, number);

CREATE TABLE change_revision (
    id        TEXT   PRIMARY KEY,
    change_id TEXT   NOT NULL REFERENCES change_change (id),
    n         BIGINT NOT NULL,
    digest    TEXT   NOT NULL,
    canonical TEXT   NOT NULL,
    author    TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    CONSTRAINT one_wording_per_number UNIQUE (change_id, n)
);

CREATE TABLE change_demand (
    id        TEXT   PRIMARY KEY,
    change_id TEXT   NOT NULL REFERENCES change_change (id),
    n         BIGINT NOT NULL,
    digest    TEXT   NOT NULL,
    body      TEXT   NOT NULL,
    CONSTRAINT one_demand_per_round UNIQUE (change_id, n)
);

CREATE TABLE change_decision (
    id         TEXT   PRIMARY KEY,
    change_id  TEXT   NOT NULL REFERENCES change_change (id),
    rev_digest TEXT   NOT NULL,
    policy     TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    verb       TEXT   NOT NULL,
    roles      TEXT   NOT NULL,
    comment    TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    statement  TEXT   NOT NULL,
    n          BIGINT NOT NULL,
    CONSTRAINT one_decision_at_a_time UNIQUE (change_id, n)
);
CREATE INDEX change_decision_person ON change_decision (person, at);

CREATE TABLE change_check (
    id        TEXT    PRIMARY KEY,
    change_id TEXT    NOT NULL REFERENCES change_change (id),
    kind      TEXT    NOT NULL,
    format    TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    status    TEXT    NOT NULL,
    why       TEXT    NOT NULL,
    tool      TEXT    NOT NULL,
    blob      TEXT    NOT NULL,
    producer  TEXT    NOT NULL,
    service   BOOLEAN NOT NULL,
    at        BIGINT  NOT NULL,
    result    TEXT    NOT NULL,
    n         BIGINT  NOT NULL,
    CONSTRAINT one_check_at_a_time UNIQUE (change_id, n)
);

CREATE TABLE change_permit (
    id        TEXT   PRIMARY KEY,
    change_id TEXT   NOT NULL REFERENCES change_change (id),
    kind      TEXT   NOT NULL,
    stage     TEXT   NOT NULL,
    attempt   BIGINT NOT NULL,
    fence     BIGINT NOT NULL,
    person    TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    rev       TEXT   NOT NULL,
    idem      TEXT   NOT NULL,
    issued    BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    lease     BIGINT NOT NULL,
    outcome   TEXT   NOT NULL,
    ended     BIGINT NOT NULL,
    exit_code BIGINT NOT NULL,
    claimed   TEXT   NOT NULL,
    report    TEXT   NOT NULL,
    envelope  TEXT   NOT NULL,
    CONSTRAINT one_permit_per_attempt UNIQUE (change_id, kind, stage, attempt),
    CONSTRAINT fences_only_grow UNIQUE (fence)
);
CREATE INDEX change_permit_lease ON change_permit (outcome, lease);

CREATE TABLE change_comment (
    id        TEXT   PRIMARY KEY,
    change_id TEXT   NOT NULL REFERENCES change_change (id),
    person    TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    body      TEXT   NOT NULL
);
CREATE INDEX change_comment_change ON change_comment (change_id, at);

CREATE TABLE change_window (
    id       TEXT    PRIMARY KEY,
    kind     TEXT    NOT NULL,
    scope    TEXT    NOT NULL,
    starts   BIGINT  NOT NULL,
    ends     BIGINT  NOT NULL,
    hard     BOOLEAN NOT NULL,
    reason   TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    lifted   BIGINT  NOT NULL,
    lifter   TEXT    NOT NULL
);
CREATE INDEX change_window_ends ON change_window (ends);

CREATE TABLE change_model (
    id         TEXT   PRIMARY KEY,
    digest     TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    change_id  TEXT   NOT NULL,
    since      BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    successes  BIGINT NOT NULL,
    reason     TEXT   NOT NULL
);

CREATE TABLE change_pack (
    id        TEXT   PRIMARY KEY,
    digest    TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    version   TEXT   NOT NULL,
    change_id TEXT   NOT NULL,
    since     BIGINT NOT NULL,
    archive   TEXT   NOT NULL,
    n         BIGINT NOT NULL,
    CONSTRAINT one_pack_at_a_time UNIQUE (n)
);

CREATE TABLE change_failure (
    id        TEXT   PRIMARY KEY,
    component TEXT   NOT NULL,
    change_id TEXT   NOT NULL REFERENCES change_change (id),
    at        BIGINT NOT NULL
);
CREATE INDEX change_failure_component ON change_failure (component, at);

CREATE TABLE change_reservation (
    id        TEXT   PRIMARY KEY,
    change_id TEXT   NOT NULL,
    target    TEXT   NOT NULL,
    path      TEXT   NOT NULL,
    running   BIGINT NOT NULL
);
CREATE INDEX change_reservation_target ON change_reservation (target, running, path);
CREATE INDEX change_reservation_change ON change_reservation (change_id);
