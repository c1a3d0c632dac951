/** Many clients that write at once and remember what they sent and what was acknowledged. */
import { randomString } from '../../src/util/random.ts'
import { at, type Client } from './client.ts'
import type { Follower } from './follower.ts'
import type { TestUser } from './server.ts'

interface Message {
  readonly user: TestUser
  readonly roomId: string
  /** Also the text of the message. */
  readonly txnId: string
  /** Absent while the answer is out. */
  eventId?: string
}

interface ToDevice {
  readonly to: TestUser
  readonly mark: string
  acknowledged: boolean
}

/** A value that is written again and again: what was acknowledged last, and what was sent last. */
interface Register<T> {
  readonly user: TestUser
  readonly roomId: string
  sent: T
  acknowledged: T | undefined
}

export interface Ledger {
  readonly messages: Message[]
  readonly toDevice: ToDevice[]
  readonly accountData: Register<number>[]
  /** Read receipts, by event id. */
  readonly receipts: Register<string>[]
  readonly registrations: { readonly name: string; accessToken?: string }[]
}

export const createLedger = (): Ledger => ({
  messages: [],
  toDevice: [],
  accountData: [],
  receipts: [],
  registrations: [],
})

export interface Load {
  readonly client: Client
  readonly users: readonly TestUser[]
  readonly rooms: readonly string[]
  readonly followers: readonly Follower[]
  /** Called after each acknowledged request with the number of them. */
  onAcknowledged(count: number): void
}

/** Writes on all clients at once, into the ledger, until each has lost its connection. */
export async function writeUntilGone(load: Load, ledger: Ledger): Promise<void> {
  const run = randomString(6, 'abcdefghijklmnopqrstuvwxyz')
  let count = 0
  const acknowledge = () => load.onAcknowledged(++count)
  const repeat = async (round: (n: number) => Promise<void>) => {
    for (let n = 0; await isAnswered(round(n)); n++) acknowledge()
  }
  const workers = load.users.flatMap((user, i) => [
    repeat((n) => sendMessage(ledger, user, pick(load.rooms, n + i), `${run}-${i}-${n}`)),
    repeat((n) => sendToDevice(ledger, user, pick(load.users, i + 1), `${run}-${i}-${n}`)),
    repeat((n) => putAccountData(ledger, user, n)),
    repeat((n) => sendReceipt(ledger, user, pick(load.rooms, n))),
  ])
  const readers = load.followers.map((follower) => repeat(async () => void (await follower.poll(1000))))
  await Promise.all([...workers, ...readers, repeat((n) => register(ledger, load.client, `${run}-${n}`))])
}

/** False when the server went away; an answer that is wrong is an error. */
async function isAnswered(request: Promise<void>): Promise<boolean> {
  try {
    await request
    return true
  } catch (error) {
    // `fetch` says so by a TypeError, with the reason of the socket as its cause.
    if (error instanceof TypeError) return false
    throw error
  }
}

export function putMessage(user: TestUser, roomId: string, txnId: string): Promise<{ event_id: string }> {
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${txnId}`
  return user.put(path, { msgtype: 'm.text', body: txnId })
}

async function sendMessage(ledger: Ledger, user: TestUser, roomId: string, txnId: string): Promise<void> {
  const message: Message = { user, roomId, txnId }
  ledger.messages.push(message)
  message.eventId = (await putMessage(user, roomId, txnId)).event_id
}

async function sendToDevice(ledger: Ledger, user: TestUser, to: TestUser, mark: string): Promise<void> {
  const message: ToDevice = { to, mark, acknowledged: false }
  ledger.toDevice.push(message)
  const path = at`/_matrix/client/v3/sendToDevice/net.example.load/${mark}`
  await user.put(path, { messages: { [to.userId]: { [to.deviceId]: { mark } } } })
  message.acknowledged = true
}

export const accountDataPath = (user: TestUser) =>
  at`/_matrix/client/v3/user/${user.userId}/account_data/net.example.load`

async function putAccountData(ledger: Ledger, user: TestUser, value: number): Promise<void> {
  const entry = registerOf(ledger.accountData, user, '', value)
  await user.put(accountDataPath(user), { value })
  entry.acknowledged = value
}

async function sendReceipt(ledger: Ledger, user: TestUser, roomId: string): Promise<void> {
  const eventId = ledger.messages.findLast((message) => message.roomId === roomId && message.eventId)?.eventId
  // Nothing to read yet: any request that is answered lets the others go on.
  if (eventId === undefined) return void (await user.get('/_matrix/client/v3/account/whoami'))
  const entry = registerOf(ledger.receipts, user, roomId, eventId)
  await user.post(at`/_matrix/client/v3/rooms/${roomId}/receipt/m.read/${eventId}`)
  entry.acknowledged = eventId
}

async function register(ledger: Ledger, client: Client, name: string): Promise<void> {
  const entry: Ledger['registrations'][number] = { name }
  ledger.registrations.push(entry)
  const body = { username: name, password: name, auth: { type: 'm.login.dummy' } }
  const { access_token } = await client.post<{ access_token: string }>('/_matrix/client/v3/register', body)
  entry.accessToken = access_token
}

function registerOf<T>(entries: Register<T>[], user: TestUser, roomId: string, sent: T): Register<T> {
  const known = entries.find((entry) => entry.user.userId === user.userId && entry.roomId === roomId)
  if (known) {
    known.sent = sent
    return known
  }
  const entry: Register<T> = { user, roomId, sent, acknowledged: undefined }
  entries.push(entry)
  return entry
}

function pick<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length]
  if (item === undefined) throw new Error('an empty list')
  return item
}
