-- A role that this server does not have is passed over: then one login does all.
do $$
begin
  if exists (select from pg_roles where rolname = 'countersign_app') then
    grant select, insert, delete on schedule_slot to countersign_app;
    grant select, insert, delete, update (used_at) on reveal to countersign_app;
  end if;
end $$;
