import { createRoom, joinRoom } from '../matrix/rooms.ts'
import { registerMany, withServer } from '../matrix/session.ts'
import { checkpointDatabases, directoryBytes } from '../measure/disk.ts'
import { type Bench, metricsOf, type Scenario } from '../scenario.ts'
import { runSendLoad, type Sender } from './send-load.ts'

const { lower, detail } = metricsOf('disk')
const SENDERS = 10

/** Compares the data folder before and after many messages: with the server stopped and its write-ahead log folded in, where it can be stopped. */
export const disk: Scenario = {
  name: 'disk',
  what: 'growth of the data folder by messages of 100 characters from ten senders in one room, and what was written for it',
  async run(bench) {
    const { senders, before } = await withServer(bench, async (session) => {
      const [first, ...others] = await registerMany(session, SENDERS)
      if (!first) throw new Error('nobody could be registered')
      const roomId = await createRoom(session.pool, first, bench.options.roomVersion)
      await session.setUp(others, (account) => joinRoom(session.pool, account, roomId))
      const list: Sender[] = [first, ...others].map((account) => ({ account, roomId }))
      await runSendLoad(session.server, list, { warmup: 0, seconds: 5, maxMessages: 200 })
      return { senders: list, before: directoryOf(bench, session.server.dataDir) }
    })
    const sizeBefore = sizeOf(bench, before)
    const { load, after } = await withServer(bench, async (session) => {
      const limits = { warmup: 0, seconds: bench.options.setupSeconds / 3, maxMessages: bench.options.diskMessages }
      bench.progress(`disk: ${limits.maxMessages} messages`)
      return {
        load: await runSendLoad(session.server, senders, limits),
        after: directoryOf(bench, session.server.dataDir),
      }
    })
    const sent = [...load.acknowledged.values()].reduce((total, ids) => total + ids.length, 0)
    const note = bench.launcher.owned ? 'after a clean stop' : 'running, with its write-ahead log'
    return [
      lower('per_event', `data folder, a message (${note})`, (sizeOf(bench, after) - sizeBefore) / sent / 1000, 'kB'),
      lower('written', 'written to disk, a message', load.writtenPerMessage / 1000, 'kB'),
      detail('messages', 'messages', sent, 'messages'),
    ]
  },
}

/** A folder and, for a server that goes on running, its size now. */
interface Measured {
  folder: string
  sizeNow: number
}

function directoryOf(bench: Bench, folder: string | undefined): Measured | undefined {
  return folder === undefined ? undefined : { folder, sizeNow: bench.launcher.owned ? 0 : directoryBytes(folder) }
}

function sizeOf(bench: Bench, measured: Measured | undefined): number {
  if (!measured) return Number.NaN
  if (!bench.launcher.owned) return measured.sizeNow
  checkpointDatabases(measured.folder)
  return directoryBytes(measured.folder)
}
