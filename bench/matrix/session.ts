import { Pool } from '../http/pool.ts'
import { eachOf } from '../measure/concurrency.ts'
import type { Bench } from '../scenario.ts'
import type { Server } from '../servers/server.ts'
import { type Account, createRegister, type Register } from './accounts.ts'

/** More requests at once only queue in the server while things are prepared. */
const SETUP_WIDTH = 8

/** A running server with the connections that prepare it. */
export interface Session {
  server: Server
  pool: Pool
  register: Register
  /** Runs setup work for each item, eight at a time, until the setup time is over; returns how many were done. */
  setUp<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<number>
}

/** Starts the server, runs `work`, and stops the server whatever happens. */
export async function withServer<T>(bench: Bench, work: (session: Session) => Promise<T>): Promise<T> {
  const server = await bench.launcher.start(bench.folder)
  const pool = new Pool(server.address, SETUP_WIDTH)
  try {
    return await work({
      server,
      pool,
      register: createRegister(pool, server.sharedSecret),
      setUp: (items, step) => eachOf(items, SETUP_WIDTH, step, performance.now() + bench.options.setupSeconds * 1000),
    })
  } finally {
    pool.close()
    await server.stop()
  }
}

/** Registers `count` accounts, or as many as the setup time allows; throws when that is none. */
export async function registerMany(session: Session, count: number): Promise<Account[]> {
  const accounts: Account[] = []
  await session.setUp(Array.from({ length: count }), async () => {
    accounts.push(await session.register())
  })
  if (accounts.length === 0) throw new Error('nobody could be registered in the setup time')
  return accounts
}
