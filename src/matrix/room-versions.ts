/** What differs between room versions, as one table: https://spec.matrix.org/v1.19/rooms/ */
export interface RoomVersionRules {
  readonly version: string
  /** `v1`: `event_id` in the event, references are pairs; `v3`: id from the reference hash, standard base64; `v4`: the same, URL-safe. */
  readonly eventIdFormat: 'v1' | 'v3' | 'v4'
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  /** Which keys survive a redaction. */
  readonly redaction: 'v1' | 'v6' | 'v8' | 'v9' | 'v11'
  /** Canonical JSON is enforced: no floats, no integers beyond 2^53 - 1. */
  readonly strictCanonicalJson: boolean
  /** `m.room.aliases` has an authorisation rule of its own (versions 1-5). */
  readonly aliasesAuth: boolean
  /** `m.room.redaction` is checked by the authorisation rules (versions 1-2) instead of when it is applied. */
  readonly redactionAuth: boolean
  /** `notifications` in power levels is protected like `events`. */
  readonly notificationsPowerLevels: boolean
  readonly knock: boolean
  readonly restrictedJoin: boolean
  readonly knockRestricted: boolean
  /** Power levels must be integers; before version 10 strings are read as numbers. */
  readonly integerPowerLevels: boolean
  /** `creator` in the create event's content names the creator (versions 1-10); later it is the sender. */
  readonly creatorInContent: boolean
  /** `redacts` stands in the content instead of at the top level. */
  readonly redactsInContent: boolean
  /** The room id is the create event's id with `!`, creators have infinite power, and the create event is in no `auth_events`. */
  readonly roomIdIsCreateHash: boolean
  /** Signing keys must have been valid at `origin_server_ts`. */
  readonly enforceKeyValidity: boolean
}

function rules(n: number): RoomVersionRules {
  return {
    version: String(n),
    eventIdFormat: n < 3 ? 'v1' : n === 3 ? 'v3' : 'v4',
    stateResolution: n === 1 ? 'v1' : n < 12 ? 'v2' : 'v2.1',
    redaction: n < 6 ? 'v1' : n < 8 ? 'v6' : n === 8 ? 'v8' : n < 11 ? 'v9' : 'v11',
    strictCanonicalJson: n >= 6,
    aliasesAuth: n < 6,
    redactionAuth: n < 3,
    notificationsPowerLevels: n >= 6,
    knock: n >= 7,
    restrictedJoin: n >= 8,
    knockRestricted: n >= 10,
    integerPowerLevels: n >= 10,
    creatorInContent: n < 11,
    redactsInContent: n >= 11,
    roomIdIsCreateHash: n >= 12,
    enforceKeyValidity: n >= 5,
  }
}

const table: ReadonlyMap<string, RoomVersionRules> = new Map(
  Array.from({ length: 12 }, (_, i) => [String(i + 1), rules(i + 1)]),
)

export const roomVersions: readonly string[] = [...table.keys()]

/** The rules of a room version, or undefined where we do not know it. */
export function getRoomVersionRules(version: string): RoomVersionRules | undefined {
  return table.get(version)
}
