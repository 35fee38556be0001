-- Keys of other systems, and what they filed.

CREATE TABLE api_key (
    api_key_id uuid PRIMARY KEY,
    -- Integration.
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{2,63}$'),
    -- 'open311': the key comes with each request. 'inbox': requests are signed; the secret derives from the edge's and the id.
    purpose text NOT NULL CHECK (purpose IN ('open311', 'inbox')),
    -- SHA-256 of a key of 256 random bits: who reads this table cannot use it.
    key_hash bytea UNIQUE CHECK (octet_length(key_hash) = 32),
    per_minute integer NOT NULL CHECK (per_minute BETWEEN 1 AND 6000),
    burst integer NOT NULL CHECK (burst BETWEEN 1 AND 6000),
    created_at timestamptz NOT NULL,
    -- To the hour.
    used_at timestamptz,
    revoked_at timestamptz,
    CHECK ((purpose = 'open311') = (key_hash IS NOT NULL))
);

-- A report that came with a key. An integration comments on what it filed without knowing the reporters' codes.
CREATE TABLE api_filing (
    ticket text PRIMARY KEY,
    api_key_id uuid NOT NULL REFERENCES api_key,
    -- Keyed hash of what the sender tells two reports apart by: the same again is the same report.
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    -- Code of the receipt, sealed under the edge's secret.
    receipt_sealed bytea NOT NULL,
    filed_at timestamptz NOT NULL,
    UNIQUE (api_key_id, token_hash)
);
