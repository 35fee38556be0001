-- One database of one process: an owner that migrates, a run-time role that reads and writes rows and nothing else.
-- psql variables: db, owner_password, app_password. Running it again changes nothing but the passwords.
SELECT format('CREATE ROLE %I', :'db' || '_owner') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'db' || '_owner') \gexec
SELECT format('CREATE ROLE %I', :'db' || '_app') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'db' || '_app') \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'db' || '_owner', :'owner_password') \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'db' || '_app', :'app_password') \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'db', :'db' || '_owner') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') \gexec
\connect :db
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'db') \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', :'db', :'db' || '_app') \gexec
SELECT format('ALTER SCHEMA public OWNER TO %I', :'db' || '_owner') \gexec
SELECT format('GRANT USAGE ON SCHEMA public TO %I', :'db' || '_app') \gexec
SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', :'db' || '_owner', :'db' || '_app') \gexec
SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO %I', :'db' || '_owner', :'db' || '_app') \gexec
