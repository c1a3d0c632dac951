import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { call } from '../http/call.ts'
import { Connection } from '../http/connection.ts'
import { requireString } from '../http/json.ts'
import type { Account } from '../matrix/accounts.ts'
import { joinRoom } from '../matrix/rooms.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import { nextBatchOf, syncNow, syncPath } from '../matrix/sync.ts'
import { measurePage } from '../measure/page.ts'
import { largest, percentile } from '../measure/stats.ts'
import { metricsOf, type Scenario } from '../scenario.ts'

const { lower } = metricsOf('voicemail')
const PAIRS = 10
const SECONDS = 30
/** What the server waits for after a call before it asks, in ms. */
const GRACE_MS = 3000
const LONGEST_MS = 60_000

interface Pair {
  readonly caller: Account
  readonly callee: Account
  readonly roomId: string
}

/** Calls that are declined, and the notes that are left after them. */
export const voicemail: Scenario = {
  name: 'voicemail',
  what: 'from a declined call to the question for a note, and from sending a note of 30 s to the sync of whoever was called',
  run: (bench) =>
    withServer(bench, async (session) => {
      bench.progress('voicemail: calls')
      const recording = record(join(bench.folder, 'recording.webm'))
      const pairs = await createPairs(session)
      const asked = await Promise.all(pairs.map((pair) => declineCall(session, pair)))
      bench.progress('voicemail: notes')
      const sent: number[] = []
      const [spare, ...others] = asked
      for (const [i, { token }] of others.entries())
        sent.push(await leaveNote(session, pairs[i + 1] as Pair, token, recording))
      const delays = asked.map(({ ms }) => ms - GRACE_MS)
      const page = await measurePage(`http://127.0.0.1:${session.server.address.port}/voicemail/r/${spare?.token}`)
      return [
        lower(
          'prompt.p50',
          'from a declined call, beyond the 3 s of grace, until the caller is asked: p50',
          percentile(delays, 0.5),
          'ms',
        ),
        lower('prompt.max', 'the same: longest', largest(delays), 'ms'),
        lower('note.p50', 'from sending a note of 30 s until the other has it: p50', percentile(sent, 0.5), 'ms'),
        lower('note.max', 'the same: longest', largest(sent), 'ms'),
        lower('page.paint', 'first paint of the recorder, in Chromium', page.paintMs, 'ms'),
        lower('page.script', 'script of the recorder', page.scriptBytes / 1000, 'kB'),
      ]
    }),
}

/** Like a browser: Opus in WebM, without a length in its head. */
function record(path: string): Buffer {
  const voice = `sine=frequency=180:duration=${SECONDS},tremolo=f=4:d=0.8`
  const encoding = ['-c:a', 'libopus', '-b:a', '48k', '-f', 'webm', '-live', '1']
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', voice, ...encoding, path])
  return readFileSync(path)
}

async function createPairs(session: Session): Promise<Pair[]> {
  const accounts = await registerMany(session, 2 * PAIRS)
  const pairs: Pair[] = []
  for (let i = 0; i + 1 < accounts.length; i += 2) {
    const [caller, callee] = [accounts[i], accounts[i + 1]]
    if (!caller || !callee) break
    const body = { preset: 'trusted_private_chat', is_direct: true, invite: [callee.userId] }
    const room = await call(session.pool, 'POST', '/_matrix/client/v3/createRoom', caller.token, body)
    const roomId = requireString(room, 'room_id')
    await joinRoom(session.pool, callee, roomId)
    pairs.push({ caller, callee, roomId })
  }
  return pairs
}

/** The token of the link that the caller is sent, and how long that took from the callee's refusal on, in ms. */
async function declineCall(
  { server, pool }: Session,
  { caller, callee, roomId }: Pair,
): Promise<{ token: string; ms: number }> {
  const event = (account: Account, type: string, content: Record<string, string | number | object>) =>
    call(pool, 'PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/${type}/${type}`, account.token, {
      call_id: 'c',
      version: '1',
      ...content,
    })
  const offer = { type: 'offer', sdp: 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n' }
  const since = await syncNow(pool, caller.token, undefined)
  await event(caller, 'm.call.invite', { party_id: 'a', lifetime: 60_000, offer })
  const start = performance.now()
  await event(callee, 'm.call.reject', { party_id: 'b' })
  const found = await waitFor(server.address, caller, since, /\/voicemail\/r\/([\w-]{20,})/)
  return { token: found, ms: performance.now() - start }
}

async function leaveNote(
  { server, pool }: Session,
  { callee }: Pair,
  token: string,
  recording: Buffer,
): Promise<number> {
  const { host, port } = server.address
  const since = await syncNow(pool, callee.token, undefined)
  const heard = waitFor(server.address, callee, since, /(org\.matrix\.msc3245\.voice)/)
  const start = performance.now()
  const address = `http://${host}:${port}/_ringback/v1/recorder/${token}?kind=voice`
  const [answer] = await Promise.all([fetch(address, { method: 'POST', body: new Uint8Array(recording) }), heard])
  const ms = performance.now() - start
  if (answer.status !== 200) throw new Error(`a note was answered ${answer.status}: ${await answer.text()}`)
  return ms
}

/** Long-polls until the answer holds something, which is returned. */
async function waitFor(
  address: Session['server']['address'],
  account: Account,
  from: string,
  pattern: RegExp,
): Promise<string> {
  const connection = new Connection(address)
  const deadline = performance.now() + LONGEST_MS
  try {
    for (let since = from; performance.now() < deadline; ) {
      const answer = await connection.request('GET', syncPath(since, 10_000), account.token)
      since = nextBatchOf(answer)
      const [, found] = pattern.exec(answer.body.toString('utf8')) ?? []
      if (found !== undefined) return found
    }
  } finally {
    connection.close()
  }
  throw new Error(`nothing like ${pattern} came to ${account.userId}`)
}
