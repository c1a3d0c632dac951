import type { CompiledQuery, Kysely } from 'kysely'
import type { Engine, Reader, Result, Tx } from './database.ts'
import type { Schema } from './schema.ts'

class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export interface Compilable<Row> {
  compile(): CompiledQuery<Row>
}

interface Template {
  readonly sql: string
  /** A name to look up in the parameters, or a constant of the query. */
  readonly slots: readonly unknown[]
}

export interface Prepared<P, Row> {
  all(reader: Reader, parameters: P): Promise<Row[]>
  first(reader: Reader, parameters: P): Promise<Row | undefined>
  run(tx: Tx, parameters: P): Promise<Result<Row>>
}

/** Compiles a query once per engine; each call only fills in the parameters. For hot paths: compiling costs more than running. */
export function prepare<P extends object, Row>(
  build: (qb: Kysely<Schema>, parameters: P) => Compilable<Row>,
): Prepared<P, Row> {
  const templates = new Map<Engine, Template>()
  const placeholders = new Proxy({} as P, {
    get: (_, name) => (typeof name === 'string' ? new Placeholder(name) : undefined),
  })

  function template(reader: Reader): Template {
    let found = templates.get(reader.engine)
    if (found === undefined) {
      const { sql, parameters } = build(reader.qb, placeholders).compile()
      found = { sql, slots: parameters }
      templates.set(reader.engine, found)
    }
    return found
  }

  function execute(reader: Reader, parameters: P): Promise<Result<Row>> {
    const { sql, slots } = template(reader)
    const values = slots.map((slot) => (slot instanceof Placeholder ? parameters[slot.name as keyof P] : slot))
    return reader.execute<Row>(sql, values)
  }

  return {
    all: async (reader, parameters) => (await execute(reader, parameters)).rows,
    first: async (reader, parameters) => (await execute(reader, parameters)).rows[0],
    run: (tx, parameters) => execute(tx, parameters),
  }
}
