import type { UserId } from '../../matrix/ids.ts'

export type PresenceState = 'online' | 'unavailable' | 'offline'

interface Device {
  /** What the device last said of itself. */
  wanted: PresenceState
  /** Since when it says so. */
  since: number
  /** How many of its requests are waiting. */
  requests: number
  /** Without a request that waits it counts as connected until then. */
  until: number
  /** It stands for what another server says, which knows who is idle. */
  isTold?: boolean
}

/** What is known of one user; times are ms since 1970. */
export interface UserPresence {
  readonly userId: UserId
  readonly devices: Map<string, Device>
  /** The last sign of life, for `last_active_ago`. */
  lastActive: number | undefined
  /** When the user last did something in a room. */
  lastAction: number
  statusMsg: string | undefined
  /** Of users of other servers: whether these say that somebody is at a device. */
  isActive?: boolean
  /** The state that others have been told, and the number of the change that told them. */
  shown: PresenceState
  changedAt: number
}

/** Who has done nothing for this long is shown as idle. */
export const idleAfter = 5 * 60_000
/** How long after its last request a device counts as gone. */
const grace = 30_000
/** How long a state holds that was set by a client that does not sync. */
export const heldFor = 5 * 60_000
/** How long what another server says holds, unless it says something else. */
const heldForServers = 30 * 60_000

export function newUserPresence(userId: UserId): UserPresence {
  return {
    userId,
    devices: new Map(),
    lastActive: undefined,
    lastAction: 0,
    statusMsg: undefined,
    shown: 'offline',
    changedAt: 0,
  }
}

const isConnected = ({ requests, until }: Device, now: number) => requests > 0 || until > now

function deviceOf(user: UserPresence, deviceId: string, now: number): Device {
  let device = user.devices.get(deviceId)
  if (device === undefined) {
    device = { wanted: 'offline', since: now, requests: 0, until: 0 }
    user.devices.set(deviceId, device)
  }
  return device
}

/** The state that the user's devices come to: the liveliest one counts, and who does nothing for long is idle. */
export function presenceOf(user: UserPresence, now: number): PresenceState {
  let state: PresenceState = 'offline'
  for (const device of user.devices.values()) {
    if (device.wanted === 'offline' || !isConnected(device, now)) continue
    state = 'unavailable'
    const isLively = device.wanted === 'online' || user.lastAction > device.since
    if (isLively && (device.isTold || now - (user.lastActive ?? 0) < idleAfter)) return 'online'
  }
  return state
}

/** A request of a device begins to wait; the returned function ends it, at that time. */
export function beginRequest(
  user: UserPresence,
  deviceId: string,
  wanted: PresenceState,
  now: number,
): (end: number) => void {
  const device = deviceOf(user, deviceId, now)
  if (device.wanted !== wanted || !isConnected(device, now)) {
    device.wanted = wanted
    device.since = now
    if (wanted === 'online') user.lastActive = now
  }
  device.requests += 1
  return (end) => {
    device.requests -= 1
    device.until = Math.max(device.until, end + grace)
  }
}

/** A device says expressly how its user is. */
export function setState(user: UserPresence, deviceId: string, wanted: PresenceState, now: number): void {
  const device = deviceOf(user, deviceId, now)
  device.wanted = wanted
  device.since = now
  device.until = Math.max(device.until, now + heldFor)
  user.lastActive = now
}

/** Something that the user did: ends idleness, but does not bring back who hides. */
export function noteAction(user: UserPresence, now: number): void {
  user.lastActive = now
  user.lastAction = now
}

/** What another server says of its user. */
export interface ToldState {
  readonly state: PresenceState
  /** In ms since 1970. */
  readonly lastActive: number
  readonly isActive: boolean
}

/** Another server says how its user is; it says so again when that changes, and now and then. */
export function receiveState(
  user: UserPresence,
  { state: wanted, lastActive, isActive }: ToldState,
  now: number,
): void {
  user.lastActive = lastActive
  user.isActive = isActive
  user.devices.set('', { wanted, since: now, requests: 0, until: now + heldForServers, isTold: true })
}

/** Takes a state over from before a restart, until the devices have had time to come back. */
export function holdState(user: UserPresence, state: PresenceState, now: number, until: number): void {
  user.shown = state
  if (state !== 'offline') user.devices.set('', { wanted: state, since: now, requests: 0, until })
}

/** Forgets the devices that are gone. */
export function dropDevices(user: UserPresence, now: number): void {
  for (const [deviceId, device] of user.devices) if (!isConnected(device, now)) user.devices.delete(deviceId)
}
