-- What is to be found by its words goes into a list before it goes into the index, because one row has dozens of words. A list
-- that is full holds up whoever fills it, and that would be a filing, with those that wait behind it. So the lists
-- may grow larger than the process lets them become, which empties them every second in a transaction that nobody waits for.
ALTER INDEX report_gram_by_gram SET (gin_pending_list_limit = 16384);
ALTER INDEX register_by_vector SET (gin_pending_list_limit = 16384);
ALTER INDEX register_by_trigram SET (gin_pending_list_limit = 16384);

-- Only the owner of an index may do that; whoever reads and writes rows does it by this function. Answers pages that were emptied.
CREATE FUNCTION empty_pending_lists() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT gin_clean_pending_list('report_gram_by_gram') + gin_clean_pending_list('register_by_vector')
             + gin_clean_pending_list('register_by_trigram')
    $$;
