-- One way leads past the trigger, and only for who owns the table: the function below.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and tg_table_name = 'event' and current_setting('countersign.pruning', true) = 'on' then
    return null;
  end if;
  raise exception '% on % is refused: the record is only added to', tg_op, tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
--> statement-breakpoint
-- Removes the events of the streams that a recorded event names, with their private texts and heads, and none that no
-- event names. Refuses what is not under the tree, what is no grant's, and what was recorded after the cutoff.
create function prune_streams(said_by bytea) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  said jsonb;
  names text[];
  gone bigint;
begin
  select s.body::jsonb -> 'data' into said from event s where s.leaf_hash = said_by and s.type = 'record.pruned';
  if said is null then raise exception 'no recorded event says what to prune'; end if;
  names := array(select jsonb_array_elements_text(said -> 'streams'));
  if exists (
    select from event e where e.stream = any(names) and (
      e.at > (said ->> 'cutoff')::bigint or e.stream !~ 'G-[0-9A-Z]{6}$'
      or not exists (select from leaf l where l.leaf_hash = e.leaf_hash and l.log = (select max(id) from log)))
  ) then raise exception 'what is to be pruned is too young, not sealed, or no grant''s'; end if;
  delete from private_text p using event e where p.leaf_hash = e.leaf_hash and e.stream = any(names);
  perform set_config('countersign.pruning', 'on', true);
  delete from event where stream = any(names);
  get diagnostics gone = row_count;
  perform set_config('countersign.pruning', '', true);
  if gone is distinct from (said ->> 'events')::bigint then
    raise exception '% events would go, and % are named', gone, said ->> 'events';
  end if;
  delete from stream_head where stream = any(names);
end $$;
--> statement-breakpoint
revoke execute on function prune_streams(bytea) from public;
