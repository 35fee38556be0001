-- Answers that repeat earlier ones count for whom the answer counts, and when it does. What the log says of that comes
-- after the answer and names its event, so a signal keeps the event that it is of.
ALTER TABLE signal
    ADD COLUMN event_id uuid,
    DROP CONSTRAINT signal_kind_check,
    ADD CONSTRAINT signal_kind_check CHECK (kind IN ('received', 'answered', 'returned', 'bounced', 'disputed',
                                                     'dispute_upheld', 'rated', 'near_copy'));
COMMENT ON COLUMN signal.event_id IS
    'The case event that it is of; of a near copy, the one that released the answer. None in signals from before.';
-- An answer is a copy or it is none, however often that is said.
CREATE UNIQUE INDEX signal_of_answer ON signal (event_id, kind) WHERE kind IN ('answered', 'near_copy');
