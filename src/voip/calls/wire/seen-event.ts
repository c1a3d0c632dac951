import type { Pdu } from '../../../matrix/event.ts'

/** What the modules of the wire shapes look at. */
export interface SeenEvent {
  readonly eventId: string
  readonly pdu: Pick<Pdu, 'type' | 'sender' | 'content' | 'state_key'>
  /** When it happened, in ms since 1970. */
  readonly ts: number
}
