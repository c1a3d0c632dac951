/** What LiveKit says of one connection of a participant. */
export interface ParticipantNews {
  readonly what: 'joined' | 'left' | 'aborted'
  /** LiveKit's name of the connection. */
  readonly sid: string
  /** When the connection was made, in ms. */
  readonly sessionTs: number
  /** When this happened, in ms. */
  readonly ts: number
  /** Why the connection ended, as LiveKit calls it. */
  readonly reason: string | undefined
}

export interface Progress {
  readonly phase: string
  readonly sid: string | null
  readonly session_ts: number
}

export interface NextProgress extends Progress {
  readonly phase: 'joined' | 'left'
  readonly sid: string
  readonly phase_ts: number
}

/** The participant goes on under another connection, of which there will be news of its own. */
const replaced = new Set(['DUPLICATE_IDENTITY', 'MIGRATION'])

/**
 * What becomes of a participant by news that may come late, twice or in any order; undefined where nothing does.
 * Connections of one participant replace each other, so only the last one says whether they are there.
 */
export function progressOf(known: Progress, news: ParticipantNews): NextProgress | undefined {
  const { what, sid, sessionTs, ts, reason } = news
  const isSame = known.sid === sid
  if (!isSame && known.sid !== null && sessionTs < known.session_ts) return undefined
  if (what === 'joined') {
    if (isSame) return undefined
    return { phase: 'joined', sid, session_ts: sessionTs, phase_ts: ts }
  }
  if (isSame && known.phase === 'left') return undefined
  if (reason !== undefined && replaced.has(reason)) return undefined
  // Left within the second in which they joined: two news of the same time, the later of which ends it.
  if (!isSame && known.sid !== null && sessionTs === known.session_ts && known.phase === 'joined') return undefined
  return { phase: 'left', sid, session_ts: isSame ? known.session_ts : sessionTs, phase_ts: ts }
}
