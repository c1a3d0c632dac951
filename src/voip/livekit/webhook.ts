/** What LiveKit tells: https://docs.livekit.io/home/server/webhooks/ */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { bodyHashOf, type LivekitKey } from './access-token.ts'
import type { ParticipantNews } from './participants/progress.ts'

/** News of one participant, or that a call is over for all. */
export type Webhook =
  | ({ readonly livekitRoom: string; readonly identity: string } & ParticipantNews)
  | { readonly what: 'finished'; readonly livekitRoom: string; readonly ts: number }

/** Whether LiveKit itself sent this body, and sent it now (ms). */
export function isFromLivekit(
  key: LivekitKey,
  authorization: string | undefined,
  body: Uint8Array,
  now: number,
): boolean {
  const token = authorization?.replace(/^Bearer\s+/i, '')
  const hash = token === undefined ? undefined : bodyHashOf(key, token, now)
  // The hash is under the signature, so that how long this takes tells nothing.
  return hash !== undefined && hash === createHash('sha256').update(body).digest('base64')
}

/** Protobuf's JSON writes 64-bit numbers as strings, and leaves out what is zero. */
const number = z.union([z.string().regex(/^\d{1,16}$/), z.number().nonnegative()]).transform(Number)

const description = z.object({
  sid: z.string().min(1).max(64),
  identity: z.string(),
  joinedAt: number.optional(),
  joined_at: number.optional(),
  joinedAtMs: number.optional(),
  joined_at_ms: number.optional(),
  disconnectReason: z.string().optional(),
  disconnect_reason: z.string().optional(),
})

const payload = z.object({
  event: z.string(),
  createdAt: number.optional(),
  created_at: number.optional(),
  room: z.object({ name: z.string() }).optional(),
  participant: description.optional(),
})

/** When the connection was made, in ms. */
function sessionTsOf(described: z.output<typeof description>): number {
  const ms = described.joinedAtMs ?? described.joined_at_ms
  return ms ?? (described.joinedAt ?? described.joined_at ?? 0) * 1000
}

/** The connection of a participant whom LiveKit describes. Throws a `ZodError` where it does not. */
export function parseParticipant(json: unknown): Pick<ParticipantNews, 'sid' | 'sessionTs'> {
  const described = description.parse(json)
  return { sid: described.sid, sessionTs: sessionTsOf(described) }
}

const kinds: Readonly<Record<string, ParticipantNews['what']>> = {
  participant_joined: 'joined',
  participant_left: 'left',
  participant_connection_aborted: 'aborted',
}

/** Reads the JSON of a webhook; undefined for what is of no interest here. Throws a `ZodError` where it is none. */
export function parseWebhook(json: unknown, now: number): Webhook | undefined {
  const { event, room, participant, ...times } = payload.parse(json)
  if (room === undefined) return undefined
  const seconds = times.createdAt ?? times.created_at
  const ts = seconds === undefined ? now : seconds * 1000
  if (event === 'room_finished') return { what: 'finished', livekitRoom: room.name, ts }
  const what = Object.hasOwn(kinds, event) ? kinds[event] : undefined
  if (what === undefined || participant === undefined) return undefined
  const sessionTs = sessionTsOf(participant)
  return {
    what,
    livekitRoom: room.name,
    identity: participant.identity,
    sid: participant.sid,
    sessionTs,
    ts: Math.max(ts, sessionTs),
    reason: participant.disconnectReason ?? participant.disconnect_reason,
  }
}
