import type { Tx } from '../db/database.ts'
import type { AuthState } from '../matrix/auth-state.ts'
import type { Pdu } from '../matrix/event.ts'
import { notificationPower, powerOf } from '../matrix/power-levels.ts'
import type { PushSubject } from '../matrix/push-conditions.ts'
import { evaluatePushRules, evaluateSharedPushRules } from '../matrix/push-rules.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import type { RoomClass } from './classes.ts'
import type { CompiledClass } from './rule-classes.ts'
import { countJoined } from './store-classes.ts'
import { nothing, type Tally, tallyOf } from './tally.ts'

/** What one event means to the classes of its room. */
export interface Judgement {
  readonly event: StoredEvent
  readonly pos: number
  /** What it counts for users of a class to whom nothing else applies. */
  readonly byClass: ReadonlyMap<number, Tally>
  /** Users who may have to be judged on their own. */
  readonly named: ReadonlySet<string>
  /** Classes of which every user has to be judged alone. */
  readonly alone: readonly number[]
  judgeOne(classNid: number, userId: string, displayName: string | undefined): Tally
}

/** Judges the events of one batch; what the rules ask about the room is read when first asked for. */
export function createJudge(
  deps: { reads: Pick<RoomReads, 'view'> },
  tx: Tx,
  room: Room,
  classes: readonly RoomClass[],
) {
  let memberCount: number | undefined
  const compiled = new Map(classes.map((one) => [one.nid, one.compiled]))

  async function powerBefore(event: StoredEvent): Promise<(key: string) => boolean> {
    const state = new Map<string, Pdu>()
    for (const type of ['m.room.create', 'm.room.power_levels']) {
      const entry = await deps.reads.view.entry(tx, event.beforeNid, type, '')
      if (entry !== undefined) state.set(type, entry.pdu)
    }
    const view: AuthState = (type, key) => (key === '' ? state.get(type) : undefined)
    const power = powerOf(view, room.rules, event.pdu.sender)
    return (key) => power >= notificationPower(view, room.rules, key)
  }

  return async (event: StoredEvent): Promise<Judgement> => {
    const asked = { count: false, power: false }
    let hasPower: ((key: string) => boolean) | undefined
    const subject: PushSubject = {
      event: event.pdu,
      get memberCount() {
        asked.count = true
        return memberCount ?? 0
      },
      hasNotificationPower: (key) => {
        asked.power = true
        return hasPower?.(key) ?? false
      },
    }
    let judged = judgeAll(classes, subject)
    // The rules cannot wait, so they are asked again once what they wanted to know is there.
    while ((asked.count && memberCount === undefined) || (asked.power && hasPower === undefined)) {
      if (asked.count) {
        const largest = Math.max(...classes.map((one) => one.compiled.largestCount))
        memberCount ??= await countJoined(tx, room.nid, largest + 1)
      }
      if (asked.power) hasPower ??= await powerBefore(event)
      judged = judgeAll(classes, subject)
    }
    return {
      ...judged,
      event,
      pos: event.streamPos ?? 0,
      judgeOne: (classNid, userId, displayName) => {
        const rules = compiled.get(classNid)
        if (rules === undefined || rules.ignored.has(event.pdu.sender)) return nothing
        return tallyOf(evaluatePushRules(rules.rules, subject, { userId, displayName }))
      },
    }
  }
}

function judgeAll(classes: readonly RoomClass[], subject: PushSubject) {
  const byClass = new Map<number, Tally>()
  const named = new Set<string>()
  const alone: number[] = []
  for (const { nid, compiled } of classes) {
    const { shared, exceptions } = judgeShared(compiled, subject)
    byClass.set(nid, shared)
    if (exceptions === 'everybody') alone.push(nid)
    else for (const userId of exceptions) named.add(userId)
  }
  return { byClass, named, alone }
}

const nobody: ReadonlySet<string> = new Set()

function judgeShared({ ignored, rules }: CompiledClass, subject: PushSubject) {
  if (ignored.has(subject.event.sender)) return { shared: nothing, exceptions: nobody }
  const { verdict, exceptions } = evaluateSharedPushRules(rules, subject)
  return { shared: tallyOf(verdict), exceptions }
}
