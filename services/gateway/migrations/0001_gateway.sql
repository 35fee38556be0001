-- Accounts and sessions of officers. Who holds which office is the directory's to say: an account names only the person.

CREATE TABLE account (
    account_id uuid PRIMARY KEY,
    username text NOT NULL UNIQUE CHECK (username = lower(username) AND username ~ '^[a-z0-9][a-z0-9._@-]{2,127}$'),
    holder_id text NOT NULL UNIQUE CHECK (holder_id <> ''),
    -- argon2id in PHC form.
    password_hash text NOT NULL,
    -- Set by who made or reset the account; the person chooses another one first.
    password_is_temporary boolean NOT NULL,
    -- Sealed under the edge's secret; in use once confirmed.
    totp_sealed bytea,
    totp_confirmed boolean NOT NULL DEFAULT false CHECK (NOT totp_confirmed OR totp_sealed IS NOT NULL),
    -- A code counts once (RFC 6238 section 5.2): the latest step that was taken.
    totp_step bigint NOT NULL DEFAULT 0,
    wrong_in_row integer NOT NULL DEFAULT 0 CHECK (wrong_in_row >= 0),
    locked_until timestamptz,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE session (
    -- SHA-256 of the cookie: who reads this table cannot log in.
    cookie_hash bytea PRIMARY KEY CHECK (octet_length(cookie_hash) = 32),
    -- Name of the session in assertions and in the audit trail; it opens nothing.
    session_id uuid NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    -- Office in which the person acts; chosen after login when there are several.
    position_id text,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
);
CREATE INDEX session_of_account ON session (account_id);
CREATE INDEX session_expiry ON session (expires_at);

-- What was done to accounts and through the administration pages. Only ever appended to.
CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    -- Position that acted, or the name of a service; empty for nobody who was logged in.
    actor text NOT NULL,
    holder_id text NOT NULL DEFAULT '',
    -- Past tense, such as "logged_in", "account_created", "policy_put".
    action text NOT NULL CHECK (action <> ''),
    -- What it was done to: ids only.
    subject text NOT NULL DEFAULT '',
    peer text NOT NULL DEFAULT ''
);
CREATE INDEX audit_by_time ON audit (at DESC);
