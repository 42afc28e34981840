-- Removes the private texts that a recorded event names, and none that no event names. Nobody may delete them otherwise:
-- what has gone without a word is a bug, or somebody's hand.
create function erase_texts(said_by bytea) returns bigint language plpgsql security definer
set search_path = public, pg_temp as $$
declare erased bigint;
begin
  delete from private_text p using event s, jsonb_array_elements(s.body::jsonb -> 'data' -> 'texts') t, event e
  where s.leaf_hash = said_by and s.type = 'texts.erased'
    and e.stream = t ->> 'stream' and e.seq = (t ->> 'seq')::bigint and p.leaf_hash = e.leaf_hash
    and t -> 'paths' ? p.path;
  get diagnostics erased = row_count;
  return erased;
end $$;
--> statement-breakpoint
revoke execute on function erase_texts(bytea) from public;
