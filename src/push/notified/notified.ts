import type { AccountData } from '../../accounts/account-data.ts'
import type { Reader } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { type CandidateReads, highlightedEvents, newestEvents } from './candidates.ts'
import { createLook, type LookReads, type Notified } from './look.ts'
import type { UserJudges } from './user-judge.ts'

export type { Notified } from './look.ts'

export interface NotifiedRequest {
  /** Positions: exclusive, and inclusive; undefined: the newest. */
  readonly after: number
  readonly upTo: number | undefined
  readonly limit: number
  readonly only?: 'highlight' | 'unread' | undefined
}

export interface NotifiedPage {
  /** Newest first. */
  readonly found: readonly Notified[]
  /** Where to go on; undefined where nothing is left. */
  readonly next: number | undefined
  /** The newest position in the snapshot. */
  readonly at: number
}

/**
 * What a user was notified of, found anew in the rooms where the user is: keeping a row for each notification and member
 * is what counting by class avoids. A page costs the events that it looks at, `maxLooked` at most, however long the
 * history; highlights, which are rare, have an index of their own.
 */
export type ListNotified = (reader: Reader, userId: UserId, request: NotifiedRequest) => Promise<NotifiedPage>

const maxLooked = 1000

interface Deps {
  readonly streams: Pick<Streams, 'positionIn'>
  readonly reads: LookReads & CandidateReads
  readonly judges: UserJudges
  readonly inviteSettings: AccountData['inviteSettings']
}

export function createListNotified({ streams, reads, judges, inviteSettings }: Deps): ListNotified {
  return async (reader, userId, { after, upTo, limit, only }) => {
    const at = await streams.positionIn(reader)
    const look = createLook(
      { reads, reader, at, only, judge: await judges.open(reader, userId), inviteSettings },
      userId,
    )
    const range = { after, upTo: Math.min(upTo ?? at, at), at, isMember: look.isMember }
    const candidates = only === 'highlight' ? highlightedEvents : newestEvents
    const pause = createYielder()
    const found: Notified[] = []
    let looked = 0
    for await (const candidate of candidates(reads, reader, userId, range)) {
      if (found.length === limit || looked === maxLooked) return { found, next: candidate.pos, at }
      looked += 1
      const one = await look.at(candidate)
      if (one !== undefined) found.push(one)
      await pause()
    }
    return { found, next: undefined, at }
  }
}
