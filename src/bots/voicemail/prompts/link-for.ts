import type { Database, Reader, Tx } from '../../../db/database.ts'
import type { RoomId, UserId } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Links } from '../recorder/links.ts'
import { type Conversation, readConversation } from './conversation.ts'
import type { Judge } from './judge.ts'
import { getPrompt, type PromptRow } from './store-prompts.ts'

interface Deps {
  readonly db: Database
  readonly rooms: Pick<Rooms, 'reads'>
  readonly judge: Pick<Judge, 'mayCarry' | 'greetingOf'>
  readonly links: Pick<Links, 'create'>
  readonly options: { readonly publicUrl: () => string; readonly maxLengthMs: number }
}

/** What has to be known to ask for a note after a call. */
export interface Occasion {
  readonly conversation: Conversation
  /** Whether a recording may be handed over to be delivered: never into an encrypted conversation. */
  readonly isLinked: boolean
  readonly greeting: string | undefined
}

/** The ids of a prompt's row, which are those of the ledger's call. */
export const idsOf = (row: PromptRow) => ({
  roomId: row.room_id as RoomId,
  caller: row.caller as UserId,
  callee: row.callee as UserId,
  reason: row.reason,
})

export async function readOccasion({ rooms, judge }: Deps, reader: Reader, row: PromptRow): Promise<Occasion> {
  const ids = idsOf(row)
  const conversation = await readConversation(rooms.reads, reader, ids)
  const isLinked = !conversation.isEncrypted || (await judge.mayCarry(reader, ids))
  return { conversation, isLinked, greeting: await judge.greetingOf(reader, ids.callee) }
}

/** Makes a link to the recorder for a prompt; returns its address. */
export async function makeLink(
  { db, links, options }: Deps,
  row: PromptRow,
  { conversation: { peerName, maxLengthMs = options.maxLengthMs }, greeting }: Occasion,
): Promise<string> {
  const { roomId, caller: userId } = idsOf(row)
  const { call_id: callId, prompt_id: promptId, kind, expires_ts: expiresTs } = row
  const link = { userId, callId, roomId, promptId, kind, peerName, greeting, maxLengthMs, expiresTs }
  const token = await db.write('prompt link', (tx: Tx) => links.create(tx, link))
  return `${options.publicUrl()}/voicemail/r/${token}`
}

export interface PromptLinks {
  /** Whether recordings for this prompt may be handed over to be delivered. */
  isOffered(promptId: string): Promise<boolean>
  /** Another link for a prompt that is open; undefined where there is none to be had. */
  another(promptId: string): Promise<string | undefined>
}

export function createPromptLinks(deps: Deps): PromptLinks {
  const look = (promptId: string) =>
    deps.db.read(async (reader) => {
      const row = await getPrompt(reader, promptId)
      return row && { row, occasion: await readOccasion(deps, reader, row) }
    })

  return {
    isOffered: async (promptId) => (await look(promptId))?.occasion.isLinked === true,
    another: async (promptId) => {
      const seen = await look(promptId)
      if (seen?.row.state !== 'open' || !seen.occasion.isLinked) return undefined
      return makeLink(deps, seen.row, seen.occasion)
    },
  }
}
