-- Countersign, part 1, for PostgreSQL 15 and newer. Run by a superuser in EVERY database that people can connect to, the
-- target's own included (in template1 too: new databases then have it). Safe to run again.
--
--   psql -v bot=countersign_bot -v owner=countersign_target_owner -v quarantine=countersign_quarantine \
--        -d <each database> -f set-up-database.sql
--
-- What a person made in a database can only be taken from them inside that database, and their
-- account cannot be dropped before.
--
--   owner        superuser that nobody can log in as; owns the functions, which run with its rights
--   bot          Countersign's login; may do nothing but call the functions
--   quarantine   powerless, no login; gets what people leave behind, so that a function of theirs
--                runs with no rights instead of somebody's

begin;

select set_config('countersign.owner', :'owner', true),
       set_config('countersign.bot', :'bot', true),
       set_config('countersign.quarantine', :'quarantine', true);

do $do$
declare
  v_owner text := current_setting('countersign.owner');
  v_bot text := current_setting('countersign.bot');
  v_quarantine text := current_setting('countersign.quarantine');
begin
  if current_setting('server_version_num')::integer < 150000 then
    raise exception 'PostgreSQL % is too old for Countersign: 15 or newer is needed', current_setting('server_version');
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = v_owner) then
    execute format('create role %I with superuser nologin', v_owner);
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = v_quarantine) then
    execute format('create role %I with nologin', v_quarantine);
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = v_bot) then
    -- Without a password it cannot log in: give it one with \password.
    execute format('create role %I with login noinherit', v_bot);
  end if;
end
$do$;

set local role :"owner";

create schema if not exists jit;
revoke all on schema jit from public;

-- What was there before runs with its owner's rights: be sure whose they are.
do $do$
declare
  v_function regprocedure;
begin
  for v_function in select p.oid from pg_catalog.pg_proc p where p.pronamespace = 'jit'::regnamespace loop
    execute format('alter function %s owner to current_user', v_function);
  end loop;
end
$do$;

comment on schema jit is 'countersign set-up 1';

create table if not exists jit.setting (
  only_row boolean primary key default true check (only_row),
  quarantine text not null
);
insert into jit.setting (quarantine) values (:'quarantine')
on conflict (only_row) do update set quarantine = excluded.quarantine;

-- What revocations left behind in this database. Kept: evidence asks for it long after.
create table if not exists jit.residual (
  account text not null,
  kind text not null,
  what text not null,
  seen_at_ms bigint not null,
  primary key (account, kind, what)
);

-- What an account was given privilege by privilege (jit.copy_privileges). More than this somebody else gave.
create table if not exists jit.copied_privilege (
  account text not null,
  class_oid oid not null,
  object_oid oid not null,
  part integer not null,
  privilege text not null,
  primary key (account, class_oid, object_oid, part, privilege)
);

create or replace function jit.residuals(p_account text) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $body$
  -- A reader may see the first of many only: not thousands of large objects before the one back door.
  select coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'what', what) order by
    not starts_with(what, 'SECURITY DEFINER '), starts_with(what, 'large object'), kind, what), '[]')
  from jit.residual where account = p_account
$body$;

create or replace function jit.quarantine() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $body$ select quarantine from jit.setting $body$;

create or replace function jit.require_disabled(p_account text, p_role_oid oid) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_account !~ '^jit_[a-z0-9_]{1,59}$' or not exists (
    select from pg_authid r
    where r.oid = p_role_oid and r.rolname = p_account and not r.rolcanlogin
      and starts_with(shobj_description(r.oid, 'pg_authid'), 'countersign grant ')
  ) then
    raise exception using errcode = 'JIT04',
      message = format('%s is not a disabled account of Countersign', p_account);
  end if;
end
$body$;

-- Large objects are what anybody may make, by the million in one statement: too many to take away in one.
-- Takes some; called again until it returns 0. Past a thousand they are noted by the batch.
create or replace function jit.release_large_objects(p_account text, p_role_oid oid, p_now_ms bigint) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_quarantine text := (select s.quarantine from jit.setting s);
  v_some oid[] := array(
    select d.objid from pg_shdepend d
    where d.refclassid = 'pg_authid'::regclass and d.refobjid = p_role_oid and d.deptype = 'o'
      and d.classid = 'pg_largeobject'::regclass
      and d.dbid = (select b.oid from pg_database b where b.datname = current_database())
    order by d.objid limit 5000
  );
  v_large_object oid;
begin
  if cardinality(v_some) = 0 then
    return 0;
  end if;
  perform jit.require_disabled(p_account, p_role_oid);
  insert into jit.residual (account, kind, what, seen_at_ms)
  select p_account, 'owned-object', what || format(' in database %s: now owned by %s', current_database(), v_quarantine), p_now_ms
  from (
    select format('large object %s', one) as what from unnest(v_some) one
    where (select count(*) from jit.residual r where r.account = p_account) < 1000
    union all
    select format('large objects from %s to %s, %s of them, SHA-256 of their numbers %s,', v_some[1],
      v_some[cardinality(v_some)], cardinality(v_some), encode(sha256(convert_to(array_to_string(v_some, ' '), 'UTF8')), 'hex'))
    where (select count(*) from jit.residual r where r.account = p_account) >= 1000
  ) noted
  on conflict do nothing;
  foreach v_large_object in array v_some loop
    execute format('alter large object %s owner to %I', v_large_object, v_quarantine);
  end loop;
  return cardinality(v_some);
end
$body$;

-- Every privilege in this database that one of the roles holds by its own name, and what to GRANT for it.
create or replace function jit.privileges(p_roles oid[])
returns table (class_oid oid, object_oid oid, part integer, privilege text, grantable boolean, phrase text)
language sql stable set search_path = pg_catalog, pg_temp
as $body$
  select o.class_oid, o.object_oid, o.part, a.privilege_type, bool_or(a.is_grantable),
    format('%s%s on %s', a.privilege_type, o.columns, o.name)
  from (
    select 'pg_class'::regclass::oid, c.oid, 0, c.relacl, '',
      case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass
    from pg_class c where c.relacl is not null
    union all
    select 'pg_class'::regclass, c.attrelid, c.attnum, c.attacl, format(' (%I)', c.attname), 'table ' || c.attrelid::regclass
    from pg_attribute c where c.attacl is not null and not c.attisdropped
    union all
    select 'pg_proc'::regclass, p.oid, 0, p.proacl, '', 'routine ' || p.oid::regprocedure
    from pg_proc p where p.proacl is not null
    union all
    select 'pg_type'::regclass, t.oid, 0, t.typacl, '', 'type ' || t.oid::regtype
    from pg_type t where t.typacl is not null
    union all
    select 'pg_namespace'::regclass, n.oid, 0, n.nspacl, '', format('schema %I', n.nspname) from pg_namespace n
    union all
    select 'pg_language'::regclass, l.oid, 0, l.lanacl, '', format('language %I', l.lanname) from pg_language l
    union all
    select 'pg_largeobject'::regclass, m.oid, 0, m.lomacl, '', format('large object %s', m.oid)
    from pg_largeobject_metadata m where m.lomacl is not null
    union all
    select 'pg_foreign_data_wrapper'::regclass, f.oid, 0, f.fdwacl, '', format('foreign data wrapper %I', f.fdwname)
    from pg_foreign_data_wrapper f
    union all
    select 'pg_foreign_server'::regclass, f.oid, 0, f.srvacl, '', format('foreign server %I', f.srvname) from pg_foreign_server f
    union all
    select 'pg_database'::regclass, d.oid, 0, d.datacl, '', format('database %I', d.datname)
    from pg_database d where d.datname = current_database()
    union all
    select 'pg_tablespace'::regclass, t.oid, 0, t.spcacl, '', format('tablespace %I', t.spcname) from pg_tablespace t
    union all
    select 'pg_parameter_acl'::regclass, s.oid, 0, s.paracl, '', format('parameter %s', s.parname) from pg_parameter_acl s
  ) o (class_oid, object_oid, part, acl, columns, name), aclexplode(o.acl) a
  where a.grantee = any (p_roles)
  group by 1, 2, 3, 4, 6
$body$;

-- Takes away what a disabled account owns or holds in this database.
create or replace function jit.purge_database(p_account text, p_role_oid oid, p_now_ms bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_quarantine text := (select s.quarantine from jit.setting s);
  v_database oid := (select d.oid from pg_database d where d.datname = current_database());
  v_copied boolean := exists (select from jit.copied_privilege c where c.account = p_account);
begin
  if not exists (select from pg_authid where oid = p_role_oid) then
    return;
  end if;
  perform jit.require_disabled(p_account, p_role_oid);
  if v_copied then
    -- Of two that change the privileges on one object at once, the second would fail.
    lock table jit.copied_privilege in share row exclusive mode;
  end if;

  insert into jit.residual (account, kind, what, seen_at_ms)
  select p_account,
         case when d.deptype = 'o' then 'owned-object' else 'foreign-grant' end,
         concat(
           case when p.prosecdef then 'SECURITY DEFINER ' end,
           pg_describe_object(d.classid, d.objid, d.objsubid),
           case when d.dbid <> 0 then ' in database ' || current_database() end,
           case
             when d.deptype <> 'o' then ': it held a privilege there of its own, taken away'
             when d.classid in ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass) then ': dropped'
             else ': now owned by ' || v_quarantine
           end
         ),
         p_now_ms
  from pg_shdepend d
  left join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
  left join (
    select held.class_oid, held.object_oid, held.part, bool_and(not held.grantable and c.account is not null) as copied
    from jit.privileges(array[p_role_oid]) held
    left join jit.copied_privilege c
      on c.account = p_account and (c.class_oid, c.object_oid, c.part, c.privilege)
        = (held.class_oid, held.object_oid, held.part, held.privilege)
    where v_copied
    group by 1, 2, 3
  ) ours on d.deptype = 'a' and (ours.class_oid, ours.object_oid, ours.part) = (d.classid, d.objid, d.objsubid)
  where ours.copied is not true
    and d.refclassid = 'pg_authid'::regclass and d.refobjid = p_role_oid and d.dbid in (0, v_database)
    -- Memberships are noted by plan_purge, in words of their own.
    and d.classid <> 'pg_auth_members'::regclass
  on conflict do nothing;

  insert into jit.residual (account, kind, what, seen_at_ms)
  select p_account, 'process',
         format('pg_cron runs in database %s: look in cron.job for jobs of %s', current_database(), p_account), p_now_ms
  from pg_extension where extname = 'pg_cron'
  on conflict do nothing;

  execute format('reassign owned by %I to %I', p_account, v_quarantine);
  execute format('drop owned by %I', p_account);

  if exists (
    select from pg_shdepend d
    where d.refclassid = 'pg_authid'::regclass and d.refobjid = p_role_oid and d.dbid in (0, v_database)
  ) then
    raise exception using errcode = 'JIT05',
      message = format('%s still owns or holds something in database %s', p_account, current_database());
  end if;
end
$body$;

revoke all on all functions in schema jit from public;
revoke all on all tables in schema jit from public;
grant usage on schema jit to :"bot";
grant execute on function jit.quarantine(), jit.residuals(text),
  jit.release_large_objects(text, oid, bigint), jit.purge_database(text, oid, bigint) to :"bot";

commit;
