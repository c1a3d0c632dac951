import type { Generated } from 'kysely'

export interface IngestSchema {
  /** Events of other servers that were taken and wait for their turn: well-formed, signed, their hashes checked. */
  staged_events: {
    staged_nid: Generated<number>
    room_id: string
    event_id: string
    /** The server that sent it: whom to ask for what is missing. */
    origin: string
    json: string
    /** How often what it needs could not be had. */
    attempts: number
    /** Not before this time (ms). */
    retry_at: number
  }
  /** What comes before events of the timeline and is not here. */
  event_gaps: { prev_id: string; event_nid: number }
  /** Positions that are kept free before an event, for what comes before it and may be fetched later; both ends belong to them. */
  history_space: { room_nid: number; high: number; low: number }
  /** Forward extremities of rooms that have more than one event can follow. */
  further_ends: { room_nid: number; event_nid: number; event_id: string; depth: number }
  /** Redactions whose target has not come yet; they are not shown before. */
  waiting_redactions: { target_id: string; event_nid: number }
}
