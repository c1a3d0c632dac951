import pg from 'pg'
import { type Database, guardNesting, type Reader, type Result, refuseNesting } from './database.ts'
import { GroupWriter, type WriterConnection } from './group-writer.ts'
import { createQueryBuilder } from './kysely-connection.ts'

const int8 = 20
const numeric = 1700
const parsers: pg.CustomTypesConfig = {
  getTypeParser: (id, format) => (id === int8 || id === numeric ? Number : pg.types.getTypeParser(id, format)),
}

class Connection implements WriterConnection {
  readonly engine = 'postgres' as const
  readonly qb = createQueryBuilder('postgres', (sql, parameters) => this.execute(sql, parameters))
  readonly client: pg.PoolClient

  constructor(client: pg.PoolClient) {
    this.client = client
  }

  execute = async <Row>(sql: string, parameters: readonly unknown[]): Promise<Result<Row>> => {
    const { rows, rowCount, command } = await this.#query(sql, [...parameters])
    return { rows: rows as Row[], changes: command === 'SELECT' ? 0 : (rowCount ?? 0) }
  }

  async control(sql: string): Promise<void> {
    await this.#query(sql)
  }

  async #query(sql: string, parameters?: unknown[]): Promise<pg.QueryResult> {
    try {
      return await this.client.query(sql, parameters)
    } catch (error) {
      throw error instanceof pg.DatabaseError ? error : unreachable(error)
    }
  }

  inTransaction(): boolean {
    return true
  }
}

/** Gives the errors of sockets and of broken clients, which have all kinds of codes or none, that of a broken connection. */
function unreachable(error: unknown): Error {
  return Object.assign(new Error('PostgreSQL cannot be reached', { cause: error }), { code: '08006' })
}

/**
 * Opens a PostgreSQL database. Writes are serialised like on SQLite, so that a store that is right on one engine is
 * right on the other; reads run beside them, each on its own snapshot.
 */
export function openPostgres(url: string): Database {
  const pool = new pg.Pool({ connectionString: url, max: 10, types: parsers, connectionTimeoutMillis: 10_000 })
  // An idle connection that breaks is replaced by the pool; whoever uses a broken one gets the error from its query.
  pool.on('error', () => {})
  const connections = new WeakMap<pg.PoolClient, Connection>()

  async function connect(): Promise<pg.PoolClient> {
    try {
      return await pool.connect()
    } catch (error) {
      throw unreachable(error)
    }
  }

  async function acquire(): Promise<Connection> {
    const client = await connect()
    let connection = connections.get(client)
    if (connection === undefined) {
      connection = new Connection(client)
      connections.set(client, connection)
      // The pool listens to idle clients alone, and an error without a listener would end the process.
      client.on('error', (error) => dropWriter(client, error))
    }
    return connection
  }

  async function read<T>(fn: (reader: Reader) => Promise<T>): Promise<T> {
    refuseNesting('read')
    const connection = await acquire()
    let broken: Error | undefined
    try {
      await connection.control('begin isolation level repeatable read read only')
      return await guardNesting('read', () => fn(connection))
    } finally {
      await connection.control('commit').catch((error: Error) => {
        broken = error
      })
      connection.client.release(broken)
    }
  }

  let writer: Connection | undefined
  const group = new GroupWriter(
    async () => {
      writer ??= await acquire()
      return writer
    },
    (connection, error) => {
      if (error && connection instanceof Connection) dropWriter(connection.client, error)
    },
  )

  function dropWriter(client: pg.PoolClient, error: Error): void {
    if (writer?.client !== client) return
    writer = undefined
    client.release(error)
  }

  return {
    engine: 'postgres',
    read,
    write: (label, fn) => group.write(label, fn),
    // Autovacuum analyses tables by itself.
    optimize: async () => {},
    close: async () => {
      await group.close()
      const last = writer
      // An error of a connection that is given back is the pool's.
      writer = undefined
      last?.client.release()
      await pool.end()
    },
  }
}
