import type { Reader } from '../db/database.ts'
import type { Member } from './store-members.ts'
import { getRead, listExceptions } from './store-reading.ts'
import type { Totals } from './store-totals.ts'
import { minus, plus, type Tally } from './tally.ts'
import { classTotalsAt, mainOf, now, totalsAt } from './totals.ts'

/** Empty: the whole room; `main`: what is in no thread; else the root of a thread. */
export type Scope = string

export const isThread = (scope: Scope): boolean => scope !== '' && scope !== 'main'

/** What a user has not read in the whole room and in its main timeline; redacted events are still among it. */
export async function currentUnread(reader: Reader, member: Member): Promise<{ room: Tally; main: Tally }> {
  const totals = await classTotalsAt(reader, member.roomNid, member.classNid, now)
  return { room: minus(totals.all, member.room), main: minus(mainOf(totals), member.main) }
}

/** The same for the events of one scope after a position, from the totals alone. */
export async function countAfter(reader: Reader, member: Member, scope: Scope, after: number): Promise<Tally> {
  const { roomNid } = member
  const series = isThread(scope) ? scope : ''
  const pick = (totals: Totals): Tally => (scope === 'main' ? mainOf(totals) : totals.all)
  const grown = async (classNid: number, from: number, to: number) => {
    const key = { roomNid, classNid, series }
    return minus(pick(await totalsAt(reader, key, to)), pick(await totalsAt(reader, key, from)))
  }
  let sum = await grown(0, after, now)
  let since = 0
  for (const [classNid, until] of [...member.past, [member.classNid, now] as const]) {
    const from = Math.max(since, after)
    if (classNid !== 0 && until > from) sum = plus(sum, await grown(classNid, from, until))
    since = until
  }
  for (const exception of await listExceptions(reader, member, after)) {
    if (isInScope(scope, exception.threadId)) sum = plus(sum, exception)
  }
  return sum
}

/** `threadId` is empty for events of the main timeline. */
function isInScope(scope: Scope, threadId: string): boolean {
  return scope === '' || (scope === 'main' ? threadId === '' : threadId === scope)
}

/** How far a user has read the main timeline (`threadId` empty) or a thread. */
export async function readUpTo(reader: Reader, member: Member, threadId: string): Promise<number> {
  const own = threadId === '' ? member.mainPos : await getRead(reader, member, threadId)
  return Math.max(member.floor, own)
}
