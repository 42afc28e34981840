import type { Sql } from 'postgres'
import type { PreconditionFault } from '../../ports/connector.ts'
import type { PostgresTarget } from './postgres-target.ts'

/** What every database needs, and what the target's own needs on top. */
export const DATABASE_FUNCTIONS = [
  'quarantine()',
  'residuals(text)',
  'release_large_objects(text,oid,bigint)',
  'purge_database(text,oid,bigint)',
]
const TARGET_FUNCTIONS = [
  'provision(text,text,text,text,text,bigint,integer,bigint)',
  'set_verifier(text,text,text,bigint)',
  'set_expiry(text,text,bigint,bigint)',
  'mark_disabled(text,text,bigint)',
  'disable(text,text,text)',
  'kill(text,text,jsonb)',
  'plan_purge(text,text,bigint)',
  'purge(text,text,bigint)',
  'observe(text)',
  'list()',
  'allowed()',
]
/** What a DBA may leave out. */
export const ACTIVITY_FUNCTION = 'activity(text,bigint,bigint,integer,text,bigint,integer)'

/** What our login lacks, or has too much of, in the target's own database. All of it blocks new grants. */
export function findBotFaults({ name, endpoint, sessions }: PostgresTarget): Promise<PreconditionFault[]> {
  return sessions.read((sql) =>
    findBotFaultsIn(sql, name, endpoint.user, [...DATABASE_FUNCTIONS, ...TARGET_FUNCTIONS], [ACTIVITY_FUNCTION]),
  )
}

/** The same in one database, where `functions` of the schema `jit` are needed, and `optional` ones may be there. */
export async function findBotFaultsIn(
  sql: Sql,
  where: string,
  bot: string,
  functions: readonly string[],
  optional: readonly string[] = [],
): Promise<PreconditionFault[]> {
  const missing = await findMissing(sql, functions)
  const excess = await findExcess(sql, [...functions, ...optional])
  return [
    ...missing.map(({ what }) => ({
      severity: 'blocking' as const,
      code: 'PrivilegeMissing' as const,
      message: `${where}: ${what}. Run the set-up SQL there for ${bot}.`,
    })),
    ...excess.map(({ what }) => ({
      severity: 'blocking' as const,
      code: 'PrivilegeExcessive' as const,
      message: `${where}: ${what}, more than Countersign needs. Take it away; until then it only revokes here.`,
    })),
  ]
}

function findMissing(sql: Sql, functions: readonly string[]) {
  return sql<{ what: string }[]>`
    select 'the function jit.' || wanted.name || case
        when p.oid is null then ' is absent'
        when not has_schema_privilege(n.oid, 'USAGE') or not has_function_privilege(p.oid, 'EXECUTE')
          then ' may not be called by ' || current_user
        when not o.rolsuper or o.rolcanlogin then ' is owned by ' || o.rolname || ', who is not a NOLOGIN superuser'
        else ' does not run as its owner with a search_path of its own' end as what
    from jsonb_array_elements_text(${sql.json([...functions])}) wanted (name)
    left join pg_namespace n on n.nspname = 'jit'
    left join pg_proc p on p.pronamespace = n.oid and ${signature(sql)} = wanted.name
    left join pg_roles o on o.oid = p.proowner
    where p.oid is null
       or not has_schema_privilege(n.oid, 'USAGE') or not has_function_privilege(p.oid, 'EXECUTE')
       or not o.rolsuper or o.rolcanlogin
       or not p.prosecdef or not exists (select from unnest(p.proconfig) c where starts_with(c, 'search_path=pg_catalog'))
    order by wanted.name`
}

/** Looks at attributes, memberships, ownership, privileges of its own, and at who else may call the functions. */
function findExcess(sql: Sql, functions: readonly string[]) {
  return sql<{ what: string }[]>`
    with me as (select * from pg_roles where rolname = current_user),
    here as (
      select d.* from pg_shdepend d, me
      where d.refclassid = 'pg_authid'::regclass and d.refobjid = me.oid
        and d.dbid in (0, (select oid from pg_database where datname = current_database()))
    ),
    functions as (
      select p.oid, ${signature(sql)} in (select jsonb_array_elements_text(${sql.json([...functions])})) as ours
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'jit'
    )
    select current_user || ' has the attribute ' || flag.name as what
    from me, lateral (values ('SUPERUSER', rolsuper), ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb),
      ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)) flag (name, held)
    where held
    union all
    select current_user || ' is a member of ' || pg_get_userbyid(m.roleid)
    from pg_auth_members m, me where m.member = me.oid
    union all
    select current_user || ' owns ' || pg_describe_object(classid, objid, objsubid) from here where deptype = 'o'
    union all
    select current_user || ' holds a privilege on ' || pg_describe_object(classid, objid, objsubid)
    from here
    where deptype <> 'o' and classid <> 'pg_database'::regclass
      and not (classid = 'pg_namespace'::regclass and objid in (select oid from pg_namespace where nspname = 'jit'))
      and not (classid = 'pg_proc'::regclass and objid in (select oid from functions where ours))
    union all
    select current_user || ' may create schemas in database ' || current_database()
    where has_database_privilege(current_database(), 'CREATE')
    union all
    select current_user || ' may create objects in schema jit'
    from pg_namespace where nspname = 'jit' and has_schema_privilege(oid, 'CREATE')
    union all
    select 'everybody may call ' || functions.oid::regprocedure
    from functions where has_function_privilege('public', functions.oid, 'EXECUTE')
    order by what`
}

/** `kill(text,text,jsonb)`, without asking the schema: to_regprocedure refuses where it may not be used. */
function signature(sql: Sql) {
  return sql`(p.proname || '(' || array_to_string(array(
    select format_type(t.type, null) from unnest(p.proargtypes) with ordinality t (type, place) order by place
  ), ',') || ')')`
}
