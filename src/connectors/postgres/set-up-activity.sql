-- Countersign, part 3, which may be left out. Run by a superuser in the target's own database, after part 2. Safe to run again.
--
-- Lets Countersign read what was done under its accounts, from the server's own jsonlog, and nothing else of that log:
-- jit.activity returns only lines whose user is an account of Countersign's form (jit_…). From then on the statements
-- of new accounts are logged, whatever their holder says. For this the server needs:
--
--   logging_collector = on, log_destination with jsonlog (a restart), log_connections = on, log_disconnections = on
--
-- Without them nothing is logged for Countersign, and its evidence says so. To take it back: run the set-up without it.

begin;

set local role :"owner";

-- Why there is nothing to read here; null when there is.
create or replace function jit.activity_off() returns text
language sql stable set search_path = pg_catalog, pg_temp
as $body$
  select case
    when current_setting('logging_collector') <> 'on' then 'logging_collector is off there'
    when 'jsonlog' <> all (string_to_array(lower(translate(current_setting('log_destination'), ' "', '')), ','))
      then 'log_destination there does not name jsonlog'
    when pg_current_logfile('jsonlog') is null then 'the server has written no jsonlog yet'
  end
$body$;

-- Files of the log in the order in which they were written; the one being written is the last.
create or replace function jit.log_files() returns table (name text, size bigint, modified_ms bigint, place bigint)
language sql volatile set search_path = pg_catalog, pg_temp
as $body$
  select l.name, l.size, jit.milliseconds(l.modification), row_number() over (
    order by l.name = regexp_replace(pg_current_logfile('jsonlog'), '^.*/', ''), l.modification, l.name
  )
  from pg_ls_logdir() l where l.name like '%.json'
$body$;

create or replace function jit.log_path(p_name text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $body$ select current_setting('log_directory') || '/' || p_name $body$;

create or replace function jit.is_raised(p_line bytea) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp
as $body$ select position('","statement":"'::bytea in p_line) > 0 or position(',"context":"'::bytea in p_line) > 0 $body$;

-- The SHA-256 of so many bytes before a place in a file.
create or replace function jit.log_mark(p_name text, p_offset bigint, p_bytes integer) returns text
language sql volatile set search_path = pg_catalog, pg_temp
as $body$
  select encode(sha256(coalesce(pg_read_binary_file(jit.log_path(p_name), p_offset - p_bytes, p_bytes, true), '')), 'hex')
$body$;

-- One piece of the log from a place on, at most p_limit bytes (a longer line whole): of each account of ours its lines, and
-- the SHA-256 of them as they stand in the file, ends of line included. The beginning of a line says whose it is; quotes
-- and ends of line inside of it are escaped by the server. p_mark shows that the file is still the one that was read.
-- Without a file: from those that were written since p_since_ms, or from where the log ends now.
create or replace function jit.activity(
  p_file text, p_modified_ms bigint, p_offset bigint, p_mark_bytes integer, p_mark text, p_since_ms bigint, p_limit integer
) returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO'
as $body$
declare
  c_head constant integer := 16384;
  v_file record;
  v_next record;
  v_gap text;
  v_offset bigint := p_offset;
  v_size bigint;
  v_is_last boolean;
  v_raw bytea;
  v_text text := '';
  v_break integer;
  v_scan bigint;
  v_to bigint;
  v_long boolean := false;
  v_found jsonb;
begin
  if jit.activity_off() is not null then
    return jsonb_build_object('off', jit.activity_off());
  end if;

  if p_file is null and p_since_ms is null then
    select * into v_file from jit.log_files() order by place desc limit 1;
    v_offset := v_file.size;
  elsif p_file is null then
    select * into v_file from jit.log_files() f where f.modified_ms >= p_since_ms - 1000 order by f.place limit 1;
    if not found then
      select * into v_file from jit.log_files() order by place desc limit 1;
    end if;
    v_offset := 0;
  else
    select * into v_file from jit.log_files() f where f.name = p_file;
    if not found then
      v_gap := 'gone';
      select * into v_file from jit.log_files() f
      where (f.modified_ms, f.name) > (p_modified_ms, p_file) order by f.place limit 1;
      if not found then
        select * into v_file from jit.log_files() order by place desc limit 1;
      end if;
      v_offset := 0;
    elsif v_file.size < p_offset then
      v_gap := 'cut short';
      v_offset := 0;
    elsif p_mark is distinct from jit.log_mark(p_file, p_offset, p_mark_bytes) then
      v_gap := 'written over';
      v_offset := 0;
    elsif v_file.size = p_offset then
      select * into v_next from jit.log_files() f where f.place > v_file.place order by f.place limit 1;
      if found and (pg_stat_file(jit.log_path(p_file), true)).size = p_offset then
        v_file := v_next;
        v_offset := 0;
      end if;
    end if;
  end if;

  -- In this order: to a file that has a next one nothing is added.
  v_is_last := not exists (select from jit.log_files() f where f.place > v_file.place);
  v_size := coalesce((pg_stat_file(jit.log_path(v_file.name), true)).size, 0);
  v_raw := coalesce(
    pg_read_binary_file(jit.log_path(v_file.name), v_offset, greatest(0, least(p_limit, v_size - v_offset)), true), '');
  -- As text whatever the bytes are: those past ASCII become \ooo, ends of line stay.
  v_text := encode(v_raw, 'escape');
  v_break := position(E'\n' in reverse(v_text));
  v_to := v_offset;
  if v_break > 0 then
    v_text := left(v_text, length(v_text) - v_break);
    v_to := v_offset + octet_length(decode(v_text, 'escape')) + 1;
  else
    v_text := '';
    v_scan := v_offset + octet_length(v_raw);
    while octet_length(v_raw) > 0 and v_scan < v_size loop
      v_raw := coalesce(pg_read_binary_file(jit.log_path(v_file.name), v_scan, least(4194304, v_size - v_scan), true), '');
      if position('\x0a'::bytea in v_raw) > 0 then
        v_to := v_scan + position('\x0a'::bytea in v_raw);
        v_long := true;
        exit;
      end if;
      v_scan := v_scan + octet_length(v_raw);
    end loop;
    if v_long then
      v_text := encode(pg_read_binary_file(jit.log_path(v_file.name), v_offset, c_head), 'escape');
    elsif not v_is_last and v_size > v_offset then
      -- The server died while it wrote: there will be no more of this line.
      v_gap := coalesce(v_gap, 'torn');
      v_to := v_size;
    end if;
  end if;

  select jsonb_build_object(
    'accounts', coalesce(jsonb_agg(jsonb_build_object(
      'account', per.account, 'grantId', a.grant_id, 'origin', a.origin, 'sha256', per.sha256, 'bytes', per.bytes,
      'lines', per.lines
    ) order by per.account), '[]')
  ) into v_found
  from (
    select account, sum(bytes) as bytes,
      encode(case when v_long and max(bytes) <= 268435456
          then sha256(pg_read_binary_file(jit.log_path(v_file.name), v_offset, v_to - v_offset))
        when not v_long then sha256(string_agg(raw || '\x0a'::bytea, ''::bytea order by place)) end, 'hex') as sha256,
      jsonb_agg(jsonb_build_object(
        'atMs', jit.milliseconds(stamp::timestamp at time zone current_setting('log_timezone')),
        'bytes', bytes, 'raised', raised, 'raw', translate(encode(substr(raw, 1, c_head), 'base64'), E'\n', '')
      ) order by place) as lines
    from (
      select place, m[1] as stamp, m[2] as account, decode(line, 'escape') as raw,
        case when v_long then v_to - v_offset else octet_length(decode(line, 'escape')) + 1 end as bytes,
        -- A member of the line, since a quote inside of a value has a backslash before it: the server names the statement, or
        -- what ran, beside what a person has it log (RAISE LOG), and beside no statement or session that it logs by itself.
        case when v_long and v_to - v_offset <= 268435456
            then jit.is_raised(pg_read_binary_file(jit.log_path(v_file.name), v_offset, v_to - v_offset))
          else jit.is_raised(decode(line, 'escape')) end as raised
      from string_to_table(v_text, E'\n') with ordinality s (line, place),
        lateral regexp_match(left(line, 160),
          '^\{"timestamp":"([0-9-]{10} [0-9:.]{8,15})[^"]{0,30}","user":"(jit_[a-z0-9_]{1,59})",') m
      where starts_with(line, '{"timestamp":"') and m is not null
    ) ours
    group by account
  ) per
  left join jit.account a on a.account = per.account;

  return v_found || jsonb_build_object(
    'file', v_file.name,
    'modifiedMs', v_file.modified_ms,
    'nowMs', jit.milliseconds(clock_timestamp()),
    'from', v_offset,
    'to', v_to,
    'atEnd', v_is_last and (v_to >= v_size or v_to = v_offset),
    'gap', v_gap,
    'markBytes', least(v_to, 512),
    'mark', jit.log_mark(v_file.name, v_to, least(v_to, 512)::integer),
    'connections', current_setting('log_connections') not in ('off', ''),
    'disconnections', current_setting('log_disconnections') = 'on',
    'audit', current_setting('shared_preload_libraries') like '%pgaudit%',
    -- Accounts whose statements somebody stopped logging.
    'unlogged', (
      select coalesce(jsonb_agg(r.rolname order by r.rolname), '[]')
      from pg_roles r
      where starts_with(r.rolname, 'jit_') and r.rolcanlogin and not exists (
        select from pg_db_role_setting s where s.setrole = r.oid and s.setdatabase = 0 and 'log_statement=all' = any (s.setconfig)
      )
    )
  );
end
$body$;

revoke all on function jit.activity_off(), jit.log_files(), jit.log_path(text), jit.log_mark(text, bigint, integer),
  jit.is_raised(bytea), jit.activity(text, bigint, bigint, integer, text, bigint, integer) from public;
grant execute on function jit.activity(text, bigint, bigint, integer, text, bigint, integer) to :"bot";

commit;
