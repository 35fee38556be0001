-- Login at a provider of OpenID Connect, and pages while routing is away.

-- Empty for who logs in at the provider alone.
ALTER TABLE account ALTER COLUMN password_hash DROP NOT NULL;

-- How the session came to be: who proved themselves elsewhere need not change a temporary password first.
ALTER TABLE session ADD COLUMN via text NOT NULL DEFAULT 'password' CHECK (via IN ('password', 'oidc'));

-- The directory as routing last told it, without anybody's contacts: an edge that starts while routing is away still knows
-- regions, categories and who holds which office.
CREATE TABLE directory_copy (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- tuntas.routing.v1.ListDirectoryResponse
    body bytea NOT NULL,
    copied_at timestamptz NOT NULL
);
