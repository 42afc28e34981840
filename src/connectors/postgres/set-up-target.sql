-- Countersign, part 2. Run by a superuser once, in the target's own database, after part 1
-- there. Safe to run again. Then say what may be given, and nothing else ever will be:
--
--   insert into jit.allowed_role values ('ledger_read');
--
-- Every function checks the account's name and that Countersign made it. They are steps that commit
-- one by one: mark_disabled, disable, kill, purge. Each refuses to run before the one it needs. kill needs
-- the mark alone: a session of the account can make disable wait, and kill ends it.
-- Refusals have codes of their own: JIT01 name, JIT02 not allowed, JIT03 not ours, JIT04 wrong order,
-- JIT05 no effect, JIT06 already ended, JIT07 foreign grant, JIT08 not on this version, JIT09 gone, JIT10 other database.

begin;

set local role :"owner";

-- The DBA's list, and only the DBA's.
create table if not exists jit.allowed_role (
  role_name text primary key
);

-- One row an account, kept after its removal: it remembers the OID, by which sessions are counted
-- when the name is gone, and it keeps a late or repeated provision from opening the account again.
create table if not exists jit.account (
  account text primary key check (account ~ '^jit_[a-z0-9_]{1,59}$'),
  grant_id text not null,
  role_name text,
  -- Null while no role was ever made.
  role_oid oid,
  created_at_ms bigint not null,
  disabled_at_ms bigint,
  -- Backends that did not say whose they were when NOLOGIN was committed. Null before: whoever comes later is refused.
  nameless_at_close jsonb,
  purge_databases text[] not null default '{}',
  removed_at_ms bigint
);

-- Of an older set-up: the bot must not hold more than it needs.
drop function if exists
  jit.provision(text, text, text, text, bigint, integer, bigint),
  jit.disable(text, text, text, bigint), jit.kill(text, text, jsonb, bigint), jit.kill(text, text, jsonb), jit.tag(text);

-- Whose log it is stands in the account's comment: several Countersigns may share a server.
alter table jit.account add column if not exists origin text;
-- Of an older set-up: a starting backend has no time of start before PostgreSQL 18.
alter table jit.account add column if not exists nameless_at_close jsonb, drop column if exists logins_closed_at;

create or replace function jit.tag(p_grant_id text, p_origin text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $body$ select 'countersign grant ' || p_grant_id || coalesce(' of ' || p_origin, '') $body$;

create or replace function jit.instant(p_ms bigint) returns timestamptz
language sql immutable set search_path = pg_catalog, pg_temp
as $body$ select 'epoch'::timestamptz + p_ms * interval '1 millisecond' $body$;

create or replace function jit.milliseconds(p_instant timestamptz) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
as $body$ select case when isfinite(p_instant) then floor(extract(epoch from p_instant) * 1000)::bigint end $body$;

-- The account's row as it is, not locked: kill must get past a step that waits. A role that a restore
-- separated from its row is known again by its tag. A role of that name without row or tag is somebody else's.
create or replace function jit.find_account(p_account text, p_grant_id text) returns jit.account
language plpgsql stable set search_path = pg_catalog, pg_temp
as $body$
declare
  v_account jit.account;
  v_role record;
begin
  if p_account is null or p_account !~ '^jit_[a-z0-9_]{1,59}$' then
    raise exception using errcode = 'JIT01', message = format('%s is not a name that Countersign may touch', p_account);
  end if;
  select * into v_account from jit.account where account = p_account;
  v_account.account := p_account;
  if v_account.grant_id <> p_grant_id then
    raise exception using errcode = 'JIT03', message = format('%s belongs to grant %s', p_account, v_account.grant_id);
  end if;
  select oid, rolname into v_role from pg_authid where oid = v_account.role_oid and rolname <> p_account;
  if found then
    raise exception using errcode = 'JIT03',
      message = format('%s was renamed to %s: rename it back and it will be removed', p_account, v_role.rolname);
  end if;
  select oid into v_role from pg_authid where rolname = p_account and oid is distinct from v_account.role_oid;
  if found then
    -- Whatever its origin: after a new start of the log, what the old one gave must still be ended.
    if not coalesce(starts_with(shobj_description(v_role.oid, 'pg_authid') || ' of ', jit.tag(p_grant_id, '')), false) then
      raise exception using errcode = 'JIT03', message = format('%s exists and Countersign did not make it', p_account);
    end if;
    v_account.role_oid := v_role.oid;
  end if;
  return v_account;
end
$body$;

-- The same, locked; made when there is none.
create or replace function jit.lock_account(p_account text, p_grant_id text, p_now_ms bigint) returns jit.account
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
declare
  v_found jit.account;
  v_account jit.account;
begin
  perform jit.find_account(p_account, p_grant_id);
  insert into jit.account (account, grant_id, created_at_ms) values (p_account, p_grant_id, p_now_ms)
  on conflict (account) do nothing;
  perform from jit.account where account = p_account for update;
  -- Whoever held the lock may have changed it.
  v_found := jit.find_account(p_account, p_grant_id);
  update jit.account set role_oid = v_found.role_oid where account = p_account returning * into strict v_account;
  return v_account;
end
$body$;

create or replace function jit.require_open(p_account jit.account) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_account.disabled_at_ms is not null then
    raise exception using errcode = 'JIT06', message = format('%s was ended and is not opened again', p_account.account);
  end if;
end
$body$;

create or replace function jit.require_verifier(p_verifier text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_verifier is null or p_verifier !~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' then
    raise exception using errcode = 'JIT01', message = 'a SCRAM-SHA-256 verifier is needed, never a password';
  end if;
end
$body$;

-- Before PostgreSQL 16 whoever is a member of a role may SET ROLE to it, and leave behind functions that run as the
-- role for ever. So nobody is made a member there: the account gets the role's privileges one by one instead, and
-- what it leaves behind has lost them.
create or replace function jit.gives_copies() returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $body$ select current_setting('server_version_num')::integer < 160000 $body$;

-- The role, and those whose privileges it has by being in them.
create or replace function jit.roles_in(p_role oid) returns oid[]
language sql stable set search_path = pg_catalog, pg_temp
as $body$ select array(select r.oid from pg_roles r where pg_has_role(p_role, r.oid, 'USAGE') order by 1) $body$;

-- Why the role cannot be given by copying, or null: what is more than privileges has no copy.
create or replace function jit.copy_obstacle(p_role oid) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $body$
  select case
    when r.rolsuper then 'is a superuser'
    when p.predefined is not null then 'brings ' || p.predefined
    when d.owned then 'owns objects, or a role in it does'
    when d.policies then 'is named by row security policies, or a role in it is'
    when not exists (select from jit.privileges(jit.roles_in(r.oid))) then 'holds no privilege in database ' || current_database()
  end
  from pg_roles r,
    lateral (
      select string_agg(b.rolname, ', ' order by b.rolname) as predefined
      from pg_roles b where b.oid = any (jit.roles_in(r.oid)) and starts_with(b.rolname, 'pg_')
    ) p,
    lateral (
      select coalesce(bool_or(s.deptype = 'o'), false) as owned, coalesce(bool_or(s.deptype = 'r'), false) as policies
      from pg_shdepend s where s.refclassid = 'pg_authid'::regclass and s.refobjid = any (jit.roles_in(r.oid))
    ) d
  where r.oid = p_role and jit.gives_copies()
$body$;

-- Without grant options: nobody passes on what they were given.
create or replace function jit.copy_privileges(p_account jit.account, p_role text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
declare
  v_role oid := (select oid from pg_roles where rolname = p_role);
  v_obstacle text := jit.copy_obstacle(v_role);
  v_phrase text;
begin
  if v_obstacle is not null then
    raise exception using errcode = 'JIT08', message = format(
      '%s %s: before PostgreSQL 16 only the privileges of a role can be given, one by one. List a role that holds nothing else',
      p_role, v_obstacle);
  end if;
  -- Of two that change the privileges on one object at once, the second would fail.
  lock table jit.copied_privilege in share row exclusive mode;
  insert into jit.copied_privilege
  select distinct p_account.account, h.class_oid, h.object_oid, h.part, h.privilege from jit.privileges(jit.roles_in(v_role)) h
  on conflict do nothing;
  for v_phrase in select distinct h.phrase from jit.privileges(jit.roles_in(v_role)) h loop
    execute format('grant %s to %I', v_phrase, p_account.account);
  end loop;
  if exists (
    select h.phrase from jit.privileges(jit.roles_in(v_role)) h
    except select h.phrase from jit.privileges(array[p_account.role_oid]) h
  ) then
    raise exception using errcode = 'JIT05', message = format('%s did not get all that %s holds', p_account.account, p_role);
  end if;
end
$body$;

-- Makes the account, or completes what is missing of it.
create or replace function jit.provision(
  p_account text, p_grant_id text, p_origin text, p_role text, p_verifier text,
  p_valid_until_ms bigint, p_connection_limit integer, p_now_ms bigint
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO'
as $body$
declare
  v_account jit.account;
begin
  perform jit.require_verifier(p_verifier);
  if not exists (select from jit.allowed_role a join pg_roles r on r.rolname = a.role_name where a.role_name = p_role) then
    raise exception using errcode = 'JIT02', message = format('%s is not on the list jit.allowed_role of this target', p_role);
  end if;
  v_account := jit.lock_account(p_account, p_grant_id, p_now_ms);
  perform jit.require_open(v_account);
  if v_account.role_name <> p_role then
    raise exception using errcode = 'JIT03', message = format('%s was made for %s', p_account, v_account.role_name);
  end if;

  if v_account.role_oid is null then
    execute format('create role %I with login nosuperuser nocreatedb nocreaterole inherit noreplication nobypassrls', p_account);
    update jit.account set role_name = p_role, role_oid = (select oid from pg_authid where rolname = p_account)
    where account = p_account returning * into v_account;
  elsif not exists (select from pg_authid where oid = v_account.role_oid) then
    raise exception using errcode = 'JIT09', message = format('%s was dropped by somebody else', p_account);
  end if;
  update jit.account set role_name = p_role, origin = p_origin where account = p_account;

  execute format('alter role %I with login connection limit %s password %L valid until %L',
    p_account, p_connection_limit, p_verifier, jit.instant(p_valid_until_ms));
  execute format('comment on role %I is %L', p_account, jit.tag(p_grant_id, p_origin));
  -- Where Countersign may read it (part 3): every statement is logged, in words that do not depend on the server's language.
  if to_regprocedure('jit.activity_off()') is not null then
    if jit.activity_off() is null then
      execute format('alter role %I set log_statement = %L', p_account, 'all');
      execute format('alter role %I set log_min_messages = %L', p_account, 'warning');
      execute format('alter role %I set log_min_error_statement = %L', p_account, 'error');
      execute format('alter role %I set lc_messages = %L', p_account, 'C');
    end if;
  end if;
  if jit.gives_copies() then
    perform jit.copy_privileges(v_account, p_role);
  elsif not exists (
    select from pg_auth_members m
    where m.member = v_account.role_oid and m.roleid = (select oid from pg_authid where rolname = p_role)
      and m.grantor = 10 and m.inherit_option and not m.set_option and not m.admin_option
  ) then
    -- SET FALSE: with SET ROLE a person could leave behind functions that run as the role for ever.
    execute format('grant %I to %I with inherit true, set false, admin false', p_role, p_account);
  end if;
end
$body$;

create or replace function jit.set_verifier(p_account text, p_grant_id text, p_verifier text, p_now_ms bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_account jit.account := jit.lock_account(p_account, p_grant_id, p_now_ms);
begin
  perform jit.require_verifier(p_verifier);
  perform jit.require_open(v_account);
  if not exists (select from pg_authid where oid = v_account.role_oid and rolcanlogin) then
    raise exception using errcode = 'JIT09', message = format('%s is gone, or somebody closed it', p_account);
  end if;
  execute format('alter role %I with password %L', p_account, p_verifier);
  if not exists (select from pg_authid where oid = v_account.role_oid and rolpassword = p_verifier) then
    raise exception using errcode = 'JIT05', message = format('the new secret of %s did not take', p_account);
  end if;
end
$body$;

create or replace function jit.set_expiry(p_account text, p_grant_id text, p_valid_until_ms bigint, p_now_ms bigint) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO'
as $body$
declare
  v_account jit.account := jit.lock_account(p_account, p_grant_id, p_now_ms);
begin
  perform jit.require_open(v_account);
  if not exists (select from pg_authid where oid = v_account.role_oid and rolcanlogin) then
    raise exception using errcode = 'JIT09', message = format('%s is gone, or somebody closed it', p_account);
  end if;
  execute format('alter role %I with valid until %L', p_account, jit.instant(p_valid_until_ms));
  return (select jit.milliseconds(rolvaliduntil) from pg_authid where oid = v_account.role_oid);
end
$body$;

-- Says that the account is to end, before anything that a session of it could hold up. From here on
-- nothing opens it, and its sessions may be ended.
create or replace function jit.mark_disabled(p_account text, p_grant_id text, p_now_ms bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
begin
  -- Makes a row even where there is no account: a provision on its way is refused when it arrives.
  perform jit.lock_account(p_account, p_grant_id, p_now_ms);
  update jit.account set
    disabled_at_ms = coalesce(disabled_at_ms, p_now_ms),
    nameless_at_close = case
      when not exists (select from pg_authid where oid = role_oid and rolcanlogin) then nameless_at_close end
  where account = p_account;
end
$body$;

create or replace function jit.require_marked(p_account jit.account) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $body$
begin
  if p_account.disabled_at_ms is null then
    raise exception using errcode = 'JIT04', message = format('%s can still log in: disable it first', p_account.account);
  end if;
end
$body$;

-- Stops new logins, for good. A verifier lets the caller show that even the right password is
-- refused; without one the password is taken away. It may wait for a session that changed its own
-- password and did not commit; it holds no lock on the account's row meanwhile, so kill gets through.
create or replace function jit.disable(p_account text, p_grant_id text, p_verifier text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_account jit.account := jit.find_account(p_account, p_grant_id);
begin
  perform jit.require_marked(v_account);
  if p_verifier is not null then
    perform jit.require_verifier(p_verifier);
  end if;
  -- Alone, ALTER ROLE gives up when the session that it waited for commits; this takes what was committed.
  perform from pg_authid where oid = v_account.role_oid for update;
  if not found then
    return;
  end if;
  execute format('alter role %I with nologin password %L', p_account, p_verifier);
  if not exists (
    select from pg_authid
    where oid = v_account.role_oid and not rolcanlogin and rolpassword is not distinct from p_verifier
  ) then
    raise exception using errcode = 'JIT05', message = format('%s can still log in', p_account);
  end if;
end
$body$;

-- Sessions of an account, and backends that could be one and do not say whose they are: after its
-- login check a backend is nameless until it is ready, and options=-c post_auth_delay=… keeps it so.
-- The locks are read first: whoever passed the check holds one then, or has a name by the second look.
-- One that was nameless and is gone by a third may have been a refused client, or have become ready
-- unseen: that takes another look, or a client that tries without pause would pass for one that hides.
-- Once the account is closed only those count that were nameless then: a start is one transaction.
create or replace function jit.look_at_sessions(p_account jit.account) returns jsonb
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
declare
  v_starting jsonb;
  v_seen jsonb;
begin
  for v_look in 1..20 loop
    v_starting := jit.transactions();
    perform pg_stat_clear_snapshot();
    v_seen := jsonb_build_object(
      'sessions', (
        select coalesce(jsonb_agg(jsonb_build_object('pid', a.pid, 'database', a.datname)), '[]')
        from pg_stat_activity a where a.usesysid = p_account.role_oid
      ),
      'nameless', (
        select coalesce(jsonb_agg(jsonb_build_object('pid', s.key::integer, 'vxid', s.value)), '[]')
        from jsonb_each_text(v_starting) s
        left join pg_stat_activity a on a.pid = s.key::integer
        where (a.pid is null or (a.usesysid is null and a.backend_type in ('client backend', 'walsender')))
          and (
            p_account.nameless_at_close is null
            or p_account.nameless_at_close @> jsonb_build_array(jsonb_build_object('pid', s.key::integer, 'vxid', s.value))
          )
      ),
      'ownerless', (
        select count(*) from pg_stat_activity a
        where a.usesysid is not null and not exists (select from pg_authid r where r.oid = a.usesysid)
      )
    );
    exit when v_seen -> 'nameless' = '[]';
    v_starting := jit.transactions();
    exit when not exists (
      select from jsonb_array_elements(v_seen -> 'nameless') n
      where v_starting ->> (n ->> 'pid') is distinct from n ->> 'vxid'
    );
  end loop;
  return v_seen;
end
$body$;

-- Which backends are in a transaction, and in which.
create or replace function jit.transactions() returns jsonb
language sql volatile set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_object_agg(l.pid, l.virtualxid), '{}')
  from pg_locks l
  where l.locktype = 'virtualxid' and l.granted and l.mode = 'ExclusiveLock'
    and l.pid is not null and l.pid <> pg_backend_pid()
$body$;

-- Ends the account's sessions, by OID: the name may be gone. `p_nameless` are backends that the
-- caller saw nameless for too long; one that has a name by now, or a new transaction, is let be.
-- Waits for no step that waits for a session. Before NOLOGIN is committed a client can come back: then
-- this only frees the step that waits, and the sessions have to be ended again.
-- Returns the pids that were told to end: one may be told twice before it is gone.
create or replace function jit.kill(p_account text, p_grant_id text, p_nameless jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_account jit.account := jit.find_account(p_account, p_grant_id);
  v_seen jsonb;
  v_ended jsonb;
begin
  perform jit.require_marked(v_account);
  if v_account.nameless_at_close is null
    and not exists (select from pg_authid where oid = v_account.role_oid and rolcanlogin)
  then
    update jit.account set nameless_at_close = jit.look_at_sessions(v_account) -> 'nameless'
    where account = p_account and nameless_at_close is null;
    v_account := jit.find_account(p_account, p_grant_id);
  end if;
  v_seen := jit.look_at_sessions(v_account);
  select coalesce(jsonb_agg(pid) filter (where pg_terminate_backend(pid)), '[]') into v_ended
  from (
    select (s ->> 'pid')::integer as pid from jsonb_array_elements(v_seen -> 'sessions') s
    union all
    select (s ->> 'pid')::integer from jsonb_array_elements(v_seen -> 'nameless') s where p_nameless @> jsonb_build_array(s)
  ) chosen;
  return v_ended;
end
$body$;

create or replace function jit.require_quiet(p_account jit.account) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $body$
declare
  v_seen jsonb;
begin
  perform jit.require_marked(p_account);
  if exists (select from pg_authid where oid = p_account.role_oid and rolcanlogin) then
    raise exception using errcode = 'JIT04', message = format('%s can still log in: disable it first', p_account.account);
  end if;
  v_seen := jit.look_at_sessions(p_account);
  -- A backend of anybody's that ended between the two looks has no name either: it is not there at the next.
  for v_again in 1..20 loop
    exit when jsonb_array_length(v_seen -> 'nameless') = 0;
    perform pg_sleep(0.025);
    v_seen := jit.look_at_sessions(p_account);
  end loop;
  if jsonb_array_length(v_seen -> 'sessions') > 0 or (
    exists (select from pg_authid where oid = p_account.role_oid)
    and (p_account.nameless_at_close is null or jsonb_array_length(v_seen -> 'nameless') > 0)
  ) then
    raise exception using errcode = 'JIT04', message = format('%s may have live sessions: end them first', p_account.account);
  end if;
end
$body$;

-- Notes what others gave to the account, or it to others, and says which other databases must be purged
-- before the role can go. Remembered, so that what was left behind there is found again later.
create or replace function jit.plan_purge(p_account text, p_grant_id text, p_now_ms bigint) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_account jit.account := jit.lock_account(p_account, p_grant_id, p_now_ms);
begin
  perform jit.require_quiet(v_account);
  insert into jit.residual (account, kind, what, seen_at_ms)
  select p_account, 'foreign-grant',
         format('%s held %s, given by %s%s', m.member::regrole, m.roleid::regrole, m.grantor::regrole,
           case when coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) and m.member = v_account.role_oid
             then format(', with SET: look at what %s owns', m.roleid::regrole) end),
         p_now_ms
  from pg_auth_members m
  where v_account.role_oid in (m.member, m.roleid, m.grantor)
    and not (
      m.member = v_account.role_oid and m.grantor = 10 and not m.admin_option
      and m.roleid in (
        select r.oid from pg_authid r
        where r.rolname = v_account.role_name
           -- After a restore nobody remembers which one it was given.
           or v_account.role_name is null and exists (select from jit.allowed_role a where a.role_name = r.rolname)
      )
      and not coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
    )
  on conflict do nothing;

  insert into jit.residual (account, kind, what, seen_at_ms)
  select p_account, 'foreign-grant', format('%s was given the attribute %s by somebody', p_account, flag.name), p_now_ms
  from pg_authid r, lateral (values
    ('SUPERUSER', r.rolsuper), ('CREATEROLE', r.rolcreaterole), ('CREATEDB', r.rolcreatedb),
    ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls)
  ) flag (name, held)
  where r.oid = v_account.role_oid and flag.held
  on conflict do nothing;

  -- A slot has no owner. Only who had REPLICATION could make one.
  insert into jit.residual (account, kind, what, seen_at_ms)
  select p_account, 'dependent-object', format('replication slot %s may have been made by %s', s.slot_name, p_account), p_now_ms
  from pg_replication_slots s, pg_authid r
  where r.oid = v_account.role_oid and r.rolreplication
  on conflict do nothing;

  update jit.account set purge_databases = array(
    select unnest(purge_databases)
    union
    select d.datname::text
    from pg_shdepend s join pg_database d on d.oid = s.dbid
    where s.refclassid = 'pg_authid'::regclass and s.refobjid = v_account.role_oid and d.datname <> current_database()
  )
  where account = p_account returning * into v_account;
  return to_jsonb(array(select d.datname from pg_database d where d.datname = any (v_account.purge_databases)));
end
$body$;

-- Takes away the rest and drops the role.
create or replace function jit.purge(p_account text, p_grant_id text, p_now_ms bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_account jit.account := jit.lock_account(p_account, p_grant_id, p_now_ms);
  v_elsewhere text;
  v_membership record;
begin
  perform jit.require_quiet(v_account);
  if not exists (select from pg_authid where oid = v_account.role_oid) then
    update jit.account set removed_at_ms = coalesce(removed_at_ms, p_now_ms) where account = p_account;
    return;
  end if;

  perform jit.purge_database(p_account, v_account.role_oid, p_now_ms);

  select string_agg(distinct d.datname, ', ') into v_elsewhere
  from pg_shdepend s join pg_database d on d.oid = s.dbid
  where s.refclassid = 'pg_authid'::regclass and s.refobjid = v_account.role_oid;
  if v_elsewhere is not null then
    raise exception using errcode = 'JIT10', message = format('%s still owns or holds something in: %s', p_account, v_elsewhere);
  end if;

  -- Each by its own grantor: revoking what another gave only warns, and it stays.
  for v_membership in
    select m.roleid::regrole as role_name, m.member::regrole as member, m.grantor::regrole as grantor
    from pg_auth_members m
    where v_account.role_oid in (m.member, m.roleid, m.grantor)
    order by m.grantor = v_account.role_oid desc
  loop
    -- Before 16 there is one row whoever gave it, and its grantor may be gone.
    execute format('revoke %s from %s', v_membership.role_name, v_membership.member)
      || case when jit.gives_copies() then '' else format(' granted by %s', v_membership.grantor) end || ' cascade';
  end loop;
  if exists (select from pg_auth_members m where v_account.role_oid in (m.member, m.roleid, m.grantor)) then
    raise exception using errcode = 'JIT07', message = format('%s still has a membership that could not be revoked', p_account);
  end if;

  execute format('drop role %I', p_account);
  delete from jit.copied_privilege where account = p_account;
  update jit.account set removed_at_ms = p_now_ms where account = p_account;
end
$body$;

-- Everything there is to see of one account. Changes nothing.
create or replace function jit.observe(p_account text) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $body$
declare
  v_account jit.account;
begin
  select * into v_account from jit.account where account = p_account;
  v_account.account := p_account;
  v_account.role_oid := coalesce(v_account.role_oid, (select oid from pg_authid where rolname = p_account));
  return jit.look_at_sessions(v_account) || jsonb_build_object(
    'roleOid', v_account.role_oid::bigint,
    'givesCopies', jit.gives_copies(),
    'disabled', v_account.disabled_at_ms is not null,
    'purgeDatabases', (
      select coalesce(jsonb_agg(d.datname), '[]') from pg_database d where d.datname = any (v_account.purge_databases)
    ),
    'roles', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', r.rolname,
        'canLogin', r.rolcanlogin,
        'hasPassword', r.rolpassword is not null,
        'validUntilMs', jit.milliseconds(r.rolvaliduntil),
        'connectionLimit', r.rolconnlimit,
        'tag', shobj_description(r.oid, 'pg_authid'),
        'powers', array_remove(array[
          case when r.rolsuper then 'SUPERUSER' end, case when r.rolcreaterole then 'CREATEROLE' end,
          case when r.rolcreatedb then 'CREATEDB' end, case when r.rolreplication then 'REPLICATION' end,
          case when r.rolbypassrls then 'BYPASSRLS' end], null)
      )), '[]')
      from pg_authid r where r.oid = v_account.role_oid or r.rolname = p_account
    ),
    'memberships', jit.memberships(v_account.role_oid),
    'members', (
      select coalesce(jsonb_agg(m.member::regrole::text), '[]') from pg_auth_members m where m.roleid = v_account.role_oid
    ),
    'dependencies', (
      select coalesce(jsonb_agg(jsonb_build_object('database', d.name, 'count', d.count)), '[]')
      from (
        select coalesce(b.datname, 'all databases') as name, count(*) as count
        from pg_shdepend s left join pg_database b on b.oid = s.dbid
        where s.refclassid = 'pg_authid'::regclass and s.refobjid = v_account.role_oid
        group by 1
      ) d
    ),
    'prepared', (
      select coalesce(jsonb_agg(x.gid), '[]') from pg_prepared_xact() x where x.ownerid = v_account.role_oid
    )
  );
end
$body$;

create or replace function jit.memberships(p_role_oid oid) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_agg(to_jsonb(held) order by held.role), '[]')
  from (
    select r.rolname::text as role, pg_get_userbyid(m.grantor)::text as grantor, m.admin_option as admin,
      -- Before PostgreSQL 16 every membership was as good as SET TRUE.
      coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true) as inherit,
      coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) as set, false as copied
    from pg_auth_members m join pg_authid r on r.oid = m.roleid
    where m.member = p_role_oid
    union all
    select a.role_name, 'nobody', false, true, false, true
    from jit.account a join pg_authid r on r.oid = a.role_oid
    where a.role_oid = p_role_oid and a.role_name is not null and exists (select from jit.copied_privilege c where c.account = a.account)
  ) held
$body$;

-- Our accounts, and everybody else who holds a role that we may give.
create or replace function jit.list() returns jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_agg(jsonb_build_object(
    'account', r.rolname,
    'tag', case when starts_with(r.rolname, 'jit_') then
      coalesce(jit.tag(a.grant_id, a.origin), shobj_description(r.oid, 'pg_authid')) end,
    'canLogin', r.rolcanlogin,
    'validUntilMs', jit.milliseconds(r.rolvaliduntil),
    'liveSessions', (select count(*) from pg_stat_activity s where s.usesysid = r.oid),
    'memberships', jit.memberships(r.oid)
  ) order by r.rolname), '[]')
  from pg_authid r
  left join jit.account a on a.account = r.rolname and a.role_oid = r.oid
  where starts_with(r.rolname, 'jit_')
     or exists (
       select from pg_auth_members m
       join pg_authid held on held.oid = m.roleid
       join jit.allowed_role allowed on allowed.role_name = held.rolname
       where m.member = r.oid
     )
$body$;

create or replace function jit.allowed() returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $body$
  select coalesce(jsonb_agg(jsonb_build_object(
    'role', a.role_name,
    'exists', r.oid is not null,
    'obstacle', jit.copy_obstacle(r.oid),
    'description', coalesce(shobj_description(r.oid, 'pg_authid'), '')
  ) order by a.role_name), '[]')
  from jit.allowed_role a left join pg_authid r on r.rolname = a.role_name
$body$;

revoke all on all functions in schema jit from public;
revoke all on all tables in schema jit from public;
grant execute on function
  jit.provision(text, text, text, text, text, bigint, integer, bigint),
  jit.set_verifier(text, text, text, bigint),
  jit.set_expiry(text, text, bigint, bigint),
  jit.mark_disabled(text, text, bigint),
  jit.disable(text, text, text),
  jit.kill(text, text, jsonb),
  jit.plan_purge(text, text, bigint),
  jit.purge(text, text, bigint),
  jit.observe(text),
  jit.list(),
  jit.allowed()
to :"bot";

commit;
