import type { MatrixEvent, Room } from 'matrix-js-sdk'
import {
  type Capability,
  type IOpenIDUpdate,
  type IRoomEvent,
  OpenIDRequestState,
  type SimpleObservable,
  WidgetDriver,
} from 'matrix-widget-api'
import { client } from './client.ts'
import { roomOf } from './rtc.ts'

const raw = (event: MatrixEvent) => event.getEffectiveEvent() as unknown as IRoomEvent

/** What a web client does for a widget in a room, as far as Element Call asks for it; it is trusted with everything. */
export class CallWidgetDriver extends WidgetDriver {
  readonly #room: Room

  constructor(roomId: string) {
    super()
    this.#room = roomOf(roomId)
  }

  override async validateCapabilities(requested: Set<Capability>) {
    return requested
  }

  override async sendEvent(type: string, content: unknown, stateKey: string | null = null) {
    const { roomId } = this.#room
    const sent =
      stateKey === null
        ? await client().sendEvent(roomId, type as never, content as never)
        : await client().sendStateEvent(roomId, type as never, content as never, stateKey)
    return { roomId, eventId: sent.event_id }
  }

  override async sendDelayedEvent(delay: number, type: string, content: unknown, stateKey: string | null = null) {
    const { roomId } = this.#room
    const sent =
      stateKey === null
        ? await client()._unstable_sendDelayedEvent(roomId, { delay }, null, type as never, content as never)
        : await client()._unstable_sendDelayedStateEvent(roomId, { delay }, type as never, content as never, stateKey)
    return { roomId, delayId: sent.delay_id }
  }

  override async cancelScheduledDelayedEvent(delayId: string) {
    await client()._unstable_cancelScheduledDelayedEvent(delayId)
  }

  override async restartScheduledDelayedEvent(delayId: string) {
    await client()._unstable_restartScheduledDelayedEvent(delayId)
  }

  override async sendScheduledDelayedEvent(delayId: string) {
    await client()._unstable_sendScheduledDelayedEvent(delayId)
  }

  override async sendToDevice(type: string, _encrypted: boolean, contents: Record<string, Record<string, object>>) {
    const messages = Object.entries(contents).map(
      ([user, devices]) => [user, new Map(Object.entries(devices))] as const,
    )
    await client().sendToDevice(type, new Map(messages))
  }

  override async readRoomTimeline(
    _roomId: string,
    type: string,
    _msgtype: string | undefined,
    key: string | undefined,
  ) {
    const events = this.#room.getLiveTimeline().getEvents()
    return events
      .filter((event) => event.getType() === type && event.getStateKey() === key)
      .toReversed()
      .map(raw)
  }

  override async readRoomState(_roomId: string, type: string, key: string | undefined) {
    const state = this.#room.getLiveTimeline().getState('f' as never)
    if (key === undefined) return (state?.getStateEvents(type) ?? []).map(raw)
    const event = state?.getStateEvents(type, key)
    return event ? [raw(event)] : []
  }

  override async readStickyEvents() {
    return []
  }

  override async readEventRelations(eventId: string, _roomId?: string, relation?: string, type?: string) {
    const { events } = await client().relations(this.#room.roomId, eventId, relation ?? null, type ?? null)
    return { chunk: events.map(raw) }
  }

  override askOpenID(observer: SimpleObservable<IOpenIDUpdate>) {
    const give = async () =>
      observer.update({ state: OpenIDRequestState.Allowed, token: await client().getOpenIdToken() })
    void give()
  }

  override async *getTurnServers() {}

  override async getRtcTransports() {
    return { rtc_transports: await client()._unstable_getRTCTransports() } as never
  }

  override getKnownRooms() {
    return [this.#room.roomId]
  }
}
