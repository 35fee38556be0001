-- Which transaction wrote an entry. A process that holds the directory in memory asks at every call whether it changed: what was
-- written by transactions that were not over when it read is all that can be new, and this index finds it without counting.
ALTER TABLE directory_entry ADD COLUMN written_by bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX directory_entry_by_writer ON directory_entry (written_by);
