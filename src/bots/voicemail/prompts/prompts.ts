import type { Tx } from '../../../db/database.ts'
import type { PromptState } from '../../../db/schema/bots.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { randomString } from '../../../util/random.ts'
import type { Call, CallHook } from '../../../voip/calls/types.ts'
import type { Links } from '../recorder/links.ts'
import type { Judge } from './judge.ts'
import {
  getPrompt,
  getPromptOfCall,
  insertPrompt,
  listPromptsOfRoom,
  movePrompt,
  type PromptRow,
} from './store-prompts.ts'

export const askJob = 'voicemail.ask'
export const editJob = 'voicemail.edit prompt'
export const expireJob = 'voicemail.expire prompt'

/** Calls in vain: whoever makes another one soon is not asked again, but where they were asked before. */
const vain: readonly Call['outcome'][] = ['missed', 'busy', 'cancelled', 'declined']

export interface Prompts extends CallHook {
  /** A note was left after the call, by whichever way. Returns the prompt. */
  used(tx: Tx, callId: string, noteId: string): Promise<PromptRow | undefined>
  /** Moves an open prompt on, and has its message say so. */
  end(tx: Tx, promptId: string, state: 'expired' | 'overtaken' | 'dismissed'): Promise<void>
  /** Has the message of a prompt say what it must say now. */
  refresh(tx: Tx, promptId: string): Promise<void>
  /** Prompts after which the caller may still record in the conversation. */
  listAnswerable(tx: Tx, roomId: string, caller: UserId): Promise<PromptRow[]>
}

interface Deps {
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly judge: Judge
  readonly links: Pick<Links, 'revoke'>
  /** In ms. */
  readonly lifetime: number
}

/** Follows calls in vain, in the transaction of the ledger. What is to be said is said by jobs. */
export function createPrompts({ clock, jobs, judge, links, lifetime }: Deps): Prompts {
  const refresh = async (tx: Tx, promptId: string) => {
    await jobs.enqueue(tx, editJob, { prompt: promptId })
  }

  async function end(tx: Tx, { prompt_id: promptId, event_id: eventId }: PromptRow, state: PromptState): Promise<void> {
    if (!(await movePrompt(tx, promptId, ['waiting', 'open'], { state }))) return
    // What was begun in time may still come.
    if (state !== 'expired') await links.revoke(tx, promptId)
    if (eventId !== null) await refresh(tx, promptId)
  }

  const isOf = (a: PromptRow, { caller, callee }: Call) =>
    (a.caller === caller && a.callee === callee) || (a.caller === callee && a.callee === caller)

  /** The prompt about a call just before, which this one has overtaken. */
  async function findOvertaken(tx: Tx, call: Call): Promise<PromptRow | undefined> {
    if (!vain.includes(call.outcome)) return undefined
    const recent = await listPromptsOfRoom(tx, call.roomId, clock.now() - lifetime)
    return recent.find(
      (row) =>
        row.caller === call.caller && row.callee === call.callee && row.event_id !== null && row.state === 'overtaken',
    )
  }

  return {
    opened: async (tx, call) => {
      // Whoever speaks with each other needs no note; from a new call in vain a new prompt comes.
      for (const row of await listPromptsOfRoom(tx, call.roomId, clock.now() - lifetime)) {
        if (isOf(row, call)) await end(tx, row, 'overtaken')
      }
    },
    settled: async (tx, call) => {
      const { callId, roomId, caller, callee, kind, promptReason } = call
      const before = promptReason === undefined ? await findOvertaken(tx, call) : undefined
      const reason = promptReason ?? before?.reason
      if (reason === undefined || callee === undefined) return
      if ((await getPromptOfCall(tx, callId)) !== undefined) return
      const mayAsk = await judge.mayAsk(tx, { roomId, caller, callee, reason })
      if (mayAsk && before) await movePrompt(tx, before.prompt_id, ['overtaken'], { event_id: null })
      const now = clock.now()
      const promptId = randomString(24)
      await insertPrompt(tx, {
        prompt_id: promptId,
        call_id: callId,
        room_id: roomId,
        caller,
        callee,
        kind,
        reason,
        state: mayAsk ? 'waiting' : 'silent',
        called_ts: call.startedTs,
        created_ts: now,
        expires_ts: now + lifetime,
        chat_id: (mayAsk && before?.chat_id) || null,
        event_id: (mayAsk && before?.event_id) || null,
        note_id: null,
      })
      if (mayAsk) await jobs.enqueue(tx, askJob, { prompt: promptId })
    },
    used: async (tx, callId, noteId) => {
      const row = await getPromptOfCall(tx, callId)
      const states: PromptState[] = ['silent', 'waiting', 'open', 'expired', 'overtaken', 'dismissed']
      if (row === undefined || !(await movePrompt(tx, row.prompt_id, states, { state: 'used', note_id: noteId })))
        return row
      await links.revoke(tx, row.prompt_id)
      if (row.event_id !== null) await refresh(tx, row.prompt_id)
      return row
    },
    end: async (tx, promptId, state) => {
      const row = await getPrompt(tx, promptId)
      if (row !== undefined) await end(tx, row, state)
    },
    refresh,
    listAnswerable: async (tx, roomId, caller) => {
      const since = clock.now() - lifetime
      return (await listPromptsOfRoom(tx, roomId, since)).filter(
        (row) => row.caller === caller && row.note_id === null && row.state !== 'overtaken',
      )
    },
  }
}
