import type { Generated } from 'kysely'

export interface CoreSchema {
  schema_migrations: { number: number; name: string; checksum: string; applied_ts: number }
  /** `events` counts the stream of everything that readers follow; `search` says how far the search index has got. */
  streams: { name: string; position: number }
  jobs: {
    job_id: Generated<number>
    kind: string
    /** At most one job of a kind waits under a key; null: any number. */
    job_key: string | null
    payload: string
    run_at: number
    attempts: number
    last_error: string | null
  }
  /** Small facts that the server keeps about itself: its name, the one-time setup token. */
  server_facts: { name: string; value: string }
}
