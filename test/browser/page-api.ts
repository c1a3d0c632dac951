/** What the page of test/browser/page can be asked to do. The types here are all that the tests and the page share. */
export interface Login {
  readonly baseUrl: string
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
}

export type Kind = 'voice' | 'video'

export interface SeenMessage {
  readonly roomId: string
  readonly eventId: string
  readonly content: Record<string, unknown>
}

/** What came in over a connection of a call up to now. */
export interface Received {
  readonly audioPackets: number
  readonly videoFrames: number
}

/** A one-to-one call (`m.call.*`). There is one at a time in a page. */
export interface LegacyApi {
  place(roomId: string, kind: Kind): Promise<void>
  /** Resolves once somebody calls. */
  ring(): Promise<{ caller: string; kind: Kind }>
  answer(): Promise<void>
  reject(): Promise<void>
  hangUp(): Promise<void>
  /** Resolves once the call is in that state; with the reason where it has ended. */
  reached(state: 'invite_sent' | 'connected' | 'ended'): Promise<string | undefined>
  /** Resolves once sound, and for video pictures, have arrived. */
  receives(kind: Kind): Promise<Received>
}

/** A MatrixRTC session of a room, without its media. */
export interface RtcApi {
  joinSession(
    roomId: string,
    options: { ring: boolean; kind: Kind; lifetimeMs?: number; leaveAfterMs?: number },
  ): Promise<void>
  leaveSession(roomId: string): Promise<void>
  /** Resolves once these users and no others are in it, as this client sees it. */
  sessionHolds(roomId: string, userIds: string[]): Promise<void>
  /** Resolves once the ring of somebody else has arrived. */
  rung(roomId: string): Promise<void>
  declineSession(roomId: string): Promise<void>
  /** Resolves once somebody else has declined. */
  declined(roomId: string): Promise<void>
}

/** Calls through LiveKit. */
export interface SfuApi {
  /** Joins the session and its call with camera and microphone; resolves with the name there. */
  joinCall(
    roomId: string,
    options: { ring: boolean; form: 'sfu/get' | 'get_token'; delegate: boolean },
  ): Promise<string>
  /** Resolves with the size once pictures of somebody else go on coming in. */
  seesVideo(): Promise<number[]>
  /** Resolves with the name of somebody else who is marked as speaking. */
  hearsSpeaker(): Promise<string>
  othersInCall(count: number): Promise<void>
  /** Sends a reaction of Element Call; resolves with the time at which it set out. */
  react(roomId: string, emoji: string): Promise<number>
  /** Resolves once a reaction has arrived. */
  reaction(roomId: string): Promise<{ emoji: string; target: string; seenTs: number }>
  leaveCall(roomId: string): Promise<void>
}

/** Element Call in a frame of the page, which is its host. */
export interface WidgetApi {
  openElementCall(roomId: string, intent: 'start_call_dm' | 'join_existing_dm'): Promise<void>
}

export interface MediaApi {
  /** Plays a file of a room's message; in seconds. */
  playMedia(mxc: string, tag: 'audio' | 'video'): Promise<{ duration: number; position: number; size: number[] }>
}

export interface ChatApi {
  start(login: Login): Promise<void>
  /** Resolves once the room has that many joined members. */
  knows(roomId: string, members: number): Promise<void>
  /**
   * Resolves with the first message of a room, or of all, that is like `like`, not among the known ones and no edit; it may
   * be yet to come.
   */
  message(
    roomId: string | undefined,
    like: { sender: string; msgtype: string; body?: string },
    known?: string[],
  ): Promise<SeenMessage>
  /** Resolves once the room is marked as unread, or is not. */
  marked(roomId: string, unread: boolean): Promise<void>
}

export type PageApi = ChatApi & LegacyApi & RtcApi & SfuApi & WidgetApi & MediaApi
