import type { Reader } from '../db/database.ts'
import type { PushSubject } from '../matrix/push-conditions.ts'
import { evaluatePushRules, evaluateSharedPushRules } from '../matrix/push-rules.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import type { RoomClass } from './classes.ts'
import { createRoomFacts } from './room-facts.ts'
import type { CompiledClass } from './rule-classes.ts'
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
  deps: { reads: Pick<RoomReads, 'view' | 'threadFollowers'> },
  reader: Reader,
  room: Room,
  classes: readonly RoomClass[],
): (event: StoredEvent) => Promise<Judgement> {
  const compiled = new Map(classes.map((one) => [one.nid, one.compiled]))
  const largestCount = Math.max(...classes.map((one) => one.compiled.largestCount))
  const ask = createRoomFacts({ reads: deps.reads, reader, largestCount }, room)

  return async (event) => {
    const { result, subject } = await ask(event, (about) => judgeAll(classes, about))
    return {
      ...result,
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
