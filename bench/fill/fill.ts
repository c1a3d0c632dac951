import type { Account } from '../matrix/accounts.ts'
import { createRoom, joinRoom, sendPath } from '../matrix/rooms.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import type { Bench } from '../scenario.ts'
import { createTexts } from './texts.ts'

/** People who are all in the same rooms, with messages there. */
export interface Filled {
  accounts: readonly Account[]
  rooms: readonly string[]
  /** How many messages there are. */
  messages: number
}

const PEOPLE = 5
const BATCH = 100

/** Prepares rooms full of messages, and stops the server again. */
export async function fillRooms(bench: Bench, roomCount: number, count: number): Promise<Filled> {
  const { launcher, folder, options } = bench
  const made = await withServer(bench, async (session) => {
    const accounts = await registerMany(session, PEOPLE)
    const [creator, ...others] = accounts
    if (!creator) throw new Error('nobody could be registered')
    const rooms: string[] = []
    await session.setUp(Array.from({ length: roomCount }), async () => {
      const roomId = await createRoom(session.pool, creator, options.roomVersion)
      for (const account of others) await joinRoom(session.pool, account, roomId)
      rooms.push(roomId)
    })
    return { accounts, rooms, messages: launcher.fill ? count : await sendAll(session, accounts, rooms, count) }
  })
  const senders = made.accounts.map(({ userId }) => userId)
  const progress = (done: number) => bench.progress(`filling: ${done} of ${count} messages`)
  await launcher.fill?.(folder, { rooms: made.rooms, senders, count, progress })
  return made
}

/** Returns how many messages the setup time sufficed for. */
async function sendAll(
  session: Session,
  accounts: readonly Account[],
  rooms: readonly string[],
  count: number,
): Promise<number> {
  const texts = createTexts()
  let sent = 0
  await session.setUp(Array.from({ length: Math.ceil(count / BATCH) }), async (_, index) => {
    const account = accounts[index % accounts.length]
    const roomId = rooms[index % rooms.length] ?? ''
    for (let i = 0; i < BATCH && sent < count; i++) {
      const body = JSON.stringify({ msgtype: 'm.text', body: texts.next() })
      await session.pool.request('PUT', sendPath(roomId, `f${index}-${i}`), account?.token, body)
      sent++
    }
  })
  return sent
}
