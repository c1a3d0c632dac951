import { setTimeout as wait } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import type { Log } from '../util/log.ts'
import { type Database, guardNesting, type Reader, type Result, refuseNesting } from './database.ts'
import { GroupWriter, type WriterConnection } from './group-writer.ts'
import { createQueryBuilder } from './kysely-connection.ts'
import { startCheckpoints } from './sqlite-checkpoints.ts'

const readers = 4
const maxStatements = 2000
/** How long a write waits while another program, such as a backup, holds the database. */
const lockPatienceMs = 5000
const lockRetryMs = 20

/** Statements by their SQL text: preparing one costs several times what running it does. */
class Connection implements WriterConnection {
  readonly engine = 'sqlite' as const
  readonly qb = createQueryBuilder('sqlite', (sql, parameters) => this.execute(sql, parameters))
  readonly handle: SQLite.Database
  readonly #statements = new Map<string, SQLite.Statement>()
  #changes = 0

  constructor(path: string, readonly: boolean) {
    // The writer waits by itself, see below: SQLite would stop the whole process meanwhile.
    this.handle = new SQLite(path, { readonly, timeout: readonly ? 5000 : 0 })
    this.handle.pragma('cache_size = -16000')
    this.handle.pragma('temp_store = memory')
  }

  execute = async <Row>(sql: string, parameters: readonly unknown[]): Promise<Result<Row>> => {
    const statement = this.#statement(sql)
    if (statement.reader) return { rows: statement.all(parameters) as Row[], changes: 0 }
    const { changes } = statement.run(parameters)
    this.#changes += changes
    return { rows: [], changes }
  }

  /** How many rows have been changed since this was asked last. */
  takeChanges(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  async control(sql: string): Promise<void> {
    for (const started = performance.now(); ; await wait(lockRetryMs)) {
      try {
        this.#statement(sql).run()
        return
      } catch (error) {
        if (!isLocked(error) || performance.now() - started > lockPatienceMs) throw error
      }
    }
  }

  inTransaction(): boolean {
    return this.handle.inTransaction
  }

  #statement(sql: string): SQLite.Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      if (this.#statements.size >= maxStatements) this.#statements.clear()
      statement = this.handle.prepare(withStablePlan(sql))
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

/**
 * SQLite compiles a statement again at each run where the plan might depend on the value of a bare parameter, which costs
 * ten times what running it does. Behind a plus sign, which changes nothing else, it does not look at the value.
 */
function withStablePlan(sql: string): string {
  return sql.replace(/'[^']*'|\?/g, (token) => (token === '?' ? '+?' : token))
}

function isLocked(error: unknown): boolean {
  return error instanceof SQLite.SqliteError && error.code.startsWith('SQLITE_BUSY')
}

/** A pool, because a read that yields to the event loop keeps its snapshot, and others must not wait for it. */
class ReadPool {
  readonly #idle: Connection[]
  readonly #all: Connection[]
  readonly #waiting: ((connection: Connection) => void)[] = []

  constructor(path: string) {
    this.#all = Array.from({ length: readers }, () => new Connection(path, true))
    this.#idle = [...this.#all]
  }

  async use<T>(fn: (reader: Reader) => Promise<T>): Promise<T> {
    const connection = this.#idle.pop() ?? (await new Promise<Connection>((resolve) => this.#waiting.push(resolve)))
    try {
      await connection.control('begin')
      return await fn(connection)
    } finally {
      if (connection.inTransaction()) await connection.control('commit')
      const next = this.#waiting.shift()
      if (next === undefined) this.#idle.push(connection)
      else next(connection)
    }
  }

  close(): void {
    for (const connection of this.#all) connection.handle.close()
  }
}

/** Opens (or creates) the SQLite database at `path`. Every commit is synced to disk before it is reported. */
export function openSqlite(path: string, log: Log): Database {
  const writer = new Connection(path, false)
  writer.handle.pragma('journal_mode = WAL')
  writer.handle.pragma('synchronous = FULL')
  const checkpoints = startCheckpoints(path, writer.handle, log)
  const group = new GroupWriter(
    async () => writer,
    () => checkpoints.committed(writer.takeChanges()),
  )
  const pool = new ReadPool(path)
  return {
    engine: 'sqlite',
    read: async (fn) => {
      refuseNesting('read')
      return pool.use((reader) => guardNesting('read', () => fn(reader)))
    },
    write: (label, fn) => group.write(label, fn),
    optimize: () => group.write('optimize', (tx) => tx.execute('pragma optimize', []).then(() => {})),
    close: async () => {
      await group.close()
      await checkpoints.close()
      pool.close()
      writer.handle.close()
    },
  }
}
