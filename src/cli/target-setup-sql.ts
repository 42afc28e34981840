import { setupDatabaseSql, setupSql } from '../connectors/postgres/set-up.ts'
import { quote } from '../policy/fault.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'
import { DONE, type ExitCode, oneLine, say } from './terminal.ts'

const QUARANTINE = 'countersign_quarantine'

/** Prints what the DBA of a target reads and runs, once. Holds no password and changes nothing by itself. */
export async function targetSetupSql(given: Arguments): Promise<ExitCode> {
  const kind = given.word(0)
  if (kind !== 'postgres')
    throw new UsageWrong(`${quote(kind)} is no kind of target that needs a set-up. Write postgres`)
  const bot = given.value('bot') || 'countersign_bot'
  const names = { bot, quarantine: QUARANTINE }
  if (given.isOn('all-databases')) {
    say(FOR_EACH)
    say(setupDatabaseSql(names))
    return DONE
  }
  const allowedRoles = given.values('role')
  if (allowedRoles.length === 0) {
    throw new UsageWrong(
      'Name the roles that Countersign may give, each with --role: --role ledger_read --role ledger_write',
    )
  }
  say(setupSql({ ...names, allowedRoles, activity: !given.isOn('no-activity') }))
  say(`-- Then give the bot a password: \\password ${oneLine(bot)}`)
  say('-- Every other database of this server needs its part too: run this command again with --all-databases.')
  return DONE
}

const FOR_EACH = `-- For every database of the server, template1 included, as a superuser. Save this as each.sql, then:
--   psql -XAtc 'select datname from pg_database where datallowconn' |
--     while read -r name; do psql -X -v ON_ERROR_STOP=1 -d "$name" -f each.sql; done
`
