import { ConnectorError, type PreconditionFault } from '../../ports/connector.ts'
import { DATABASE_FUNCTIONS, findBotFaults, findBotFaultsIn } from './bot-privileges.ts'
import { factsOf } from './explain-failure.ts'
import { inDatabase, type PostgresTarget } from './postgres-target.ts'

const MOST_SKEW_MS = 5_000
/** As `server_version_num` has it. */
const OLDEST = 150_000

/** What is wrong with the target, or with our rights on it. Never asked before a revocation. */
export async function checkPreconditions(target: PostgresTarget): Promise<PreconditionFault[]> {
  try {
    const faults = [...(await findServerFaults(target)), ...(await findBotFaults(target))]
    // Without the set-up there is nothing to ask the rest of.
    if (faults.some(({ code }) => code === 'PrivilegeMissing')) return faults
    return [
      ...faults,
      ...(await findRoleFaults(target)),
      ...(await findEntitlementFaults(target)),
      ...(await findDatabaseFaults(target)),
    ]
  } catch (error) {
    const code = error instanceof ConnectorError ? error.code : 'Unreachable'
    return [{ severity: 'blocking', code, message: factsOf(error).message }]
  }
}

async function findServerFaults({ name, sessions, clock }: PostgresTarget): Promise<PreconditionFault[]> {
  const [server] = await sessions.read(
    (sql) => sql<{ version: number; name: string; now: number; prepared: number }[]>`
      select current_setting('server_version_num')::integer as version, current_setting('server_version') as name,
             extract(epoch from clock_timestamp())::float8 * 1000 as now,
             current_setting('max_prepared_transactions')::integer as prepared`,
  )
  const faults: PreconditionFault[] = []
  if (server && server.version < OLDEST) {
    const message = `${name}: PostgreSQL ${server.name} is too old. Use 15 or newer.`
    faults.push({ severity: 'blocking', code: 'Conflict', message })
  }
  if (server && server.prepared > 0) {
    const message = `${name}: max_prepared_transactions is ${server.prepared}, so a person can leave a transaction behind that holds up the end of their access until a superuser rolls it back. Set it to 0 unless something here needs it.`
    faults.push({ severity: 'warning', code: 'PrivilegeExcessive', message })
  }
  const skewMs = Math.round((server?.now ?? 0) - clock.now())
  if (Math.abs(skewMs) > MOST_SKEW_MS) {
    const message = `${name}: its clock is ${Math.abs(skewMs)} ms ${skewMs > 0 ? 'ahead of' : 'behind'} ours, and so is its own expiry of accounts. Set its clock.`
    faults.push({ severity: 'warning', code: 'Conflict', message })
  }
  return faults
}

/** The powerful role must be nobody's, and the quarantine role must be able to do nothing. */
async function findRoleFaults({ name, sessions }: PostgresTarget): Promise<PreconditionFault[]> {
  const rows = await sessions.read(
    (sql) => sql<{ what: string }[]>`
      with owner as (
        select o.* from pg_roles o where o.oid = (select nspowner from pg_namespace where nspname = 'jit')
      ),
      quarantine as (select * from pg_roles where rolname = jit.quarantine())
      select m.member::regrole || ' is a member of ' || owner.rolname || ', which may do anything' as what
      from pg_auth_members m, owner where m.roleid = owner.oid
      union all
      select 'the quarantine role is absent' where not exists (select from quarantine)
      union all
      select rolname || ' can log in or has attributes: what people leave behind would run with them'
      from quarantine where rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
      union all
      select rolname || ' is a member of ' || m.roleid::regrole || ': what people leave behind would run with it'
      from quarantine, pg_auth_members m where m.member = quarantine.oid
      union all
      select rolname || ' holds a privilege on ' || pg_describe_object(d.classid, d.objid, d.objsubid)
        || ': what people leave behind would run with it'
      from quarantine, pg_shdepend d
      where d.refclassid = 'pg_authid'::regclass and d.refobjid = quarantine.oid and d.deptype = 'a'
        and d.dbid in (0, (select oid from pg_database where datname = current_database()))`,
  )
  return rows.map(({ what }) => ({
    severity: 'blocking',
    code: 'PrivilegeExcessive',
    message: `${name}: ${what}. Take it away.`,
  }))
}

/** Roles that give their holder a way to leave something behind. The DBA may have reasons: a warning. */
async function findEntitlementFaults({ name, sessions }: PostgresTarget): Promise<PreconditionFault[]> {
  const rows = await sessions.read(
    (sql) => sql<{ what: string }[]>`
      with listed as (select item ->> 'role' as role_name from jsonb_array_elements(jit.allowed()) item),
      allowed as (select r.oid, r.rolname from pg_roles r join listed on listed.role_name = r.rolname)
      select role_name || ' is on the list jit.allowed_role and does not exist' as what
      from listed where not exists (select from allowed where rolname = role_name)
      union all
      select a.rolname || ' owns ' || count(*) || ' objects: its holder could rewrite them, functions that run as it included'
      from allowed a join pg_shdepend d on d.refobjid = a.oid and d.refclassid = 'pg_authid'::regclass and d.deptype = 'o'
      group by a.rolname
      union all
      select a.rolname || ' may give ' || m.roleid::regrole || ' to others'
      from allowed a join pg_auth_members m on m.member = a.oid and m.admin_option
      union all
      select a.rolname || ' brings ' || p.rolname || ', which reaches past the database'
      from allowed a join pg_roles p on pg_has_role(a.oid, p.oid, 'USAGE')
      where p.rolname in ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files',
        'pg_signal_backend', 'pg_create_subscription', 'pg_maintain', 'pg_write_all_data')
      union all
      select item ->> 'role' || ' ' || (item ->> 'obstacle')
        || ': this server cannot give it, because before PostgreSQL 16 privileges are copied, and nothing else can be'
      from jsonb_array_elements(jit.allowed()) item where item ->> 'obstacle' is not null
      union all
      select a.rolname || ' holds privileges in database ' || b.datname
        || ': before PostgreSQL 16 only those in database ' || current_database() || ' are given'
      from allowed a join pg_database b on b.datname <> current_database()
      where current_setting('server_version_num')::integer < 160000 and exists (
        select from pg_shdepend d
        where d.refclassid = 'pg_authid'::regclass and d.refobjid = a.oid and d.deptype = 'a' and d.dbid = b.oid
      )
      union all
      select r.rolname || ' has CREATEROLE, with which it can give itself any role here and a password to any login'
      from pg_roles r
      where current_setting('server_version_num')::integer < 160000 and r.rolcreaterole and not r.rolsuper
        and not starts_with(r.rolname, 'jit_') and r.rolname <> current_user
      order by what`,
  )
  return rows.map(({ what }) => ({ severity: 'warning', code: 'PrivilegeExcessive', message: `${name}: ${what}.` }))
}

/** In each other database that people may connect to, what they make can only be taken away from inside. */
async function findDatabaseFaults(target: PostgresTarget): Promise<PreconditionFault[]> {
  const databases = await target.sessions.read(
    (sql) => sql<{ datname: string }[]>`
      select d.datname from pg_database d
      where d.datallowconn and d.datname <> current_database() and (
        has_database_privilege('public', d.oid, 'CONNECT') or exists (
          select from jsonb_array_elements(jit.allowed()) item join pg_roles r on r.rolname = item ->> 'role'
          where has_database_privilege(r.oid, d.oid, 'CONNECT')
        )
      )
      order by d.datname`,
  )
  const faults: PreconditionFault[] = []
  for (const { datname } of databases) {
    const where = `${target.name}/${datname}`
    try {
      const found = await inDatabase(target, datname, (there) =>
        there.read((sql) => findBotFaultsIn(sql, where, target.endpoint.user, DATABASE_FUNCTIONS)),
      )
      // Too much is too much anywhere; a set-up that is missing elsewhere only makes some removals wait for it.
      faults.push(
        ...found.map((fault) =>
          fault.code === 'PrivilegeMissing' ? { ...fault, severity: 'warning' as const } : fault,
        ),
      )
    } catch (error) {
      faults.push({ severity: 'warning', code: 'PrivilegeMissing', message: factsOf(error).message })
    }
  }
  return faults
}
