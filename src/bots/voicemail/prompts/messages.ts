import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database, Reader } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import type { Live } from '../../../voip/live/live.ts'
import type { BotRuntime } from '../../runtime/runtime.ts'
import type { Chats } from '../chats.ts'
import { sharesPlayed } from '../notes/sharing.ts'
import { getNote } from '../notes/store-notes.ts'
import type { Links } from '../recorder/links.ts'
import { type Conversation, readConversation } from './conversation.ts'
import type { Judge } from './judge.ts'
import { idsOf, makeLink, readOccasion } from './link-for.ts'
import { type CallInWords, endedWording, promptWording, textContent } from './prompt-text.ts'
import { askJob, editJob, expireJob, type Prompts } from './prompts.ts'
import { deleteOldPrompts, getPrompt, movePrompt, type PromptRow } from './store-prompts.ts'

export interface PromptMessagesDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle' | 'schedule'>
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser'>
  readonly rooms: Pick<Rooms, 'reads' | 'receipts'>
  readonly bots: Pick<BotRuntime, 'act'>
  readonly live: Pick<Live, 'publish'>
  readonly botId: UserId
  readonly chats: Chats
  readonly judge: Judge
  readonly links: Links
  readonly prompts: Pick<Prompts, 'end'>
  readonly options: { readonly publicUrl: () => string; readonly maxLengthMs: number }
}

export const buttons = { voice: '🎙', video: '🎥', none: '🚫' } as const

const cleanJob = 'voicemail.clean prompts'
const pageSize = 200
/** So long it is known what was asked: 90 days. */
const keptMs = 90 * 86_400_000

/** Says what is to be said to callers: the prompt itself, and what becomes of it. */
export function handlePrompts(deps: PromptMessagesDeps): void {
  const { db, clock, log, jobs, rooms, bots, live, botId, chats, judge, prompts, options } = deps
  const { reads } = rooms

  const wordsOf = (row: PromptRow, { peerName }: Conversation): CallInWords => ({
    peerName,
    reason: row.reason,
    calledTs: row.called_ts,
  })

  const prepare = async (reader: Reader, row: PromptRow) =>
    (await judge.mayAsk(reader, idsOf(row))) ? readOccasion(deps, reader, row) : undefined

  async function ask(row: PromptRow): Promise<void> {
    const { prompt_id: promptId, kind, call_id: callId, expires_ts: expiresTs } = row
    const prepared = await db.read((reader) => prepare(reader, row))
    if (prepared === undefined || expiresTs <= clock.now()) {
      await db.write('no prompt', (tx) => movePrompt(tx, promptId, ['waiting'], { state: 'silent' }))
      return
    }
    const { conversation, isLinked, greeting } = prepared
    const ids = idsOf(row)
    const { maxLengthMs = options.maxLengthMs, peerName } = conversation
    const chatId = await chats.require(ids.caller)
    const url = isLinked ? await makeLink(deps, row, prepared) : undefined
    const urls = url === undefined ? undefined : { voice: `${url}?kind=voice`, video: `${url}?kind=video` }
    const wording = promptWording(wordsOf(row, conversation), {
      kind,
      links: urls,
      conversation: conversation.isEncrypted ? conversation.address : undefined,
      minutes: Math.round((expiresTs - clock.now()) / 60_000),
      maxSeconds: Math.round(maxLengthMs / 1000),
      greeting,
    })
    const about: JsonObject = {
      prompt_id: promptId,
      call_id: callId,
      room_id: row.room_id,
      peer: row.callee,
      peer_name: peerName,
      kind,
      reason: row.reason,
      encrypted: conversation.isEncrypted,
      expires_ts: expiresTs,
      ...(urls && { links: urls }),
    }
    const actions = bots.act(botId, `prompt ${promptId}`)
    const content = textContent(wording, { 'm.mentions': { user_ids: [ids.caller] }, 'io.ringback.prompt': about })
    const { event_id: known } = row
    if (known !== null) await actions.edit(chatId, known, content, 'ask')
    const eventId = known ?? (await actions.send(chatId, content, 'ask'))
    await db.write('prompt', async (tx) => {
      const change = { state: 'open', chat_id: chatId, event_id: eventId } as const
      if (await movePrompt(tx, promptId, ['waiting'], change)) {
        await live.publish(tx, ids.caller, {
          type: 'prompt',
          ...about,
          state: 'open',
          chat_room_id: chatId,
          event_id: eventId,
        })
        await jobs.enqueue(tx, expireJob, { prompt: promptId }, { key: promptId, runAt: expiresTs })
      } else {
        // Overtaken while it was being said.
        const { state: _, ...place } = change
        await movePrompt(tx, promptId, ['overtaken', 'used', 'expired', 'dismissed'], place)
        await jobs.enqueue(tx, editJob, { prompt: promptId })
      }
    })
  }

  /** A person sees reactions and knows that they can be pressed. */
  async function offerButtons(row: PromptRow): Promise<void> {
    const { chat_id: chatId, event_id: eventId, prompt_id: promptId } = row
    if (chatId === null || eventId === null) return
    const actions = bots.act(botId, `buttons ${promptId}`)
    for (const key of Object.values(buttons)) await actions.react(chatId, eventId, key)
  }

  jobs.handle(
    askJob,
    async ({ prompt }) => {
      const promptId = String(prompt)
      const row = await db.read((reader) => getPrompt(reader, promptId))
      if (row === undefined) return
      try {
        if (row.state === 'waiting') await ask(row)
        const asked = await db.read((reader) => getPrompt(reader, promptId))
        if (asked?.state === 'open') await offerButtons(asked)
      } catch (error) {
        if (!(error instanceof MatrixError) || error.status >= 500) throw error
        log.info({ err: error }, 'a caller could not be asked for a note')
        await db.write('no prompt', (tx) => movePrompt(tx, promptId, ['waiting'], { state: 'silent' }))
      }
    },
    { atOnce: 8 },
  )

  jobs.handle(cleanJob, async (_payload, signal) => {
    for (let deleted = pageSize; deleted === pageSize; ) {
      signal.throwIfAborted()
      deleted = await db.write('old prompts', (tx) => deleteOldPrompts(tx, clock.now() - keptMs, pageSize))
    }
  })
  jobs.schedule('43 4 * * *', cleanJob)

  jobs.handle(expireJob, async ({ prompt }) => {
    await db.write('prompt expired', (tx) => prompts.end(tx, String(prompt), 'expired'))
  })

  jobs.handle(
    editJob,
    async ({ prompt }) => {
      const promptId = String(prompt)
      const seen = await db.read(async (reader) => {
        const row = await getPrompt(reader, promptId)
        const note = row?.note_id == null ? undefined : await getNote(reader, row.note_id)
        const isShared = note !== undefined && (await sharesPlayed(deps, reader, note))
        return row && { row, note, isShared, conversation: await readConversation(reads, reader, idsOf(row)) }
      })
      if (!seen || seen.row.chat_id === null || seen.row.event_id === null) return
      const { row, note, isShared, conversation } = seen
      const { state, chat_id: chatId, event_id: eventId } = row
      if (state === 'open' || state === 'waiting' || state === 'silent' || (state === 'used' && !note)) return
      const playedTs = isShared ? (note?.played_ts ?? undefined) : undefined
      const end = state === 'used' && note ? { kind: note.kind, durationMs: note.duration_ms, playedTs } : undefined
      const wording = endedWording(wordsOf(row, conversation), end ?? (state === 'used' ? 'expired' : state))
      const about: JsonObject = {
        prompt_id: promptId,
        call_id: row.call_id,
        state,
        ...(note && { note_id: note.note_id }),
      }
      const isPlayed = playedTs !== undefined
      await bots
        .act(botId, `prompt ${promptId}`)
        .edit(
          chatId ?? '',
          eventId ?? '',
          textContent(wording, { 'io.ringback.prompt': about }),
          `${state} ${isPlayed}`,
        )
      await db.write('prompt ended', (tx) =>
        live.publish(tx, idsOf(row).caller, { type: 'prompt', ...about, room_id: row.room_id, peer: row.callee }),
      )
    },
    { atOnce: 4 },
  )
}
