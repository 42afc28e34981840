-- Who may do what with the record. A role that this server does not have is passed over: then one login does all.
do $$
begin
  if exists (select from pg_roles where rolname = 'countersign_app') then
    grant select, insert on event, event_pending, private_text to countersign_app;
    grant select, insert, update on stream_head to countersign_app;
    grant select on log, leaf, tile, checkpoint, witness_receipt, quarantine to countersign_app;
  end if;
  if exists (select from pg_roles where rolname = 'countersign_sealer') then
    grant select on event, stream_head to countersign_sealer;
    grant select, delete on event_pending to countersign_sealer;
    grant select, insert on log, leaf, checkpoint, witness_receipt, quarantine to countersign_sealer;
    grant select, insert, update on tile to countersign_sealer;
  end if;
end $$;
--> statement-breakpoint
-- Not even the owner changes what is recorded, short of dropping these triggers.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% on % is refused: the record is only added to', tg_op, tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
--> statement-breakpoint
create trigger event_is_only_added_to before update or delete or truncate on event for each statement execute function refuse_change();
--> statement-breakpoint
create trigger leaf_is_only_added_to before update or delete or truncate on leaf for each statement execute function refuse_change();
--> statement-breakpoint
create trigger checkpoint_is_only_added_to before update or delete or truncate on checkpoint for each statement execute function refuse_change();
--> statement-breakpoint
-- Heads change with every append: room on the page keeps those changes out of the index.
alter table stream_head set (fillfactor = 70);
