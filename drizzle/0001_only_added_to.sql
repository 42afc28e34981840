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
