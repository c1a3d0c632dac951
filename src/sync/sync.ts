import type { Reader } from '../db/database.ts'
import type { Advance } from '../db/streams.ts'
import type { UserId } from '../matrix/ids.ts'
import { formatStreamToken, type StreamToken } from '../matrix/stream-token.ts'
import type { Part } from '../util/part.ts'
import { filterByType, readAccountData } from './account-data.ts'
import { deviceParts } from './device-parts.ts'
import { ignoredUsers } from './ignored-users.ts'
import { createSentMembers } from './lazy-members.ts'
import { poll } from './poll.ts'
import type { SyncPorts } from './ports.ts'
import { type PresenceSection, presenceSection, visiblePresence } from './presence-section.ts'
import { roomSections } from './rooms-section.ts'
import { createSlidingSync, type SlidingSync } from './sliding/sliding.ts'
import type { SyncRequest, SyncResponse } from './types.ts'
import { createUserNews } from './user-news.ts'
import { createWaiters, usersToWake, type Waiters } from './waiters.ts'

export interface Sync {
  /** Answers at once when there is news or the sync is an initial one, else when there is news or time is up. */
  sync(request: SyncRequest): Promise<SyncResponse>
  readonly sliding: SlidingSync
  readonly waiters: Waiters
  /** Called with everybody who is given an answer, and up to which position it tells. */
  onAnswer(hook: AnswerHook): void
  readonly part: Part
}

export type AnswerHook = (userId: UserId, position: number) => void

interface Computed {
  readonly response: SyncResponse
  readonly next: StreamToken
  readonly hasNews: boolean
  /** Whether to-device messages that the device has received wait to be deleted. */
  readonly received: boolean
}

export function createSync(given: Omit<SyncPorts, 'userNews'>): Sync {
  const userNews = createUserNews()
  const ports: SyncPorts = { ...given, userNews }
  const sent = createSentMembers()
  const waiters = createWaiters()
  const answerHooks: AnswerHook[] = []
  const answered: AnswerHook = (userId, position) => {
    for (const hook of answerHooks) hook(userId, position)
  }
  let unsubscribe: (() => void) | undefined
  function onAdvance(advance: Advance): void {
    userNews.note(advance)
    if (waiters.size === 0) return
    usersToWake(advance, ports.localMembers.of).then(
      (users) => waiters.wakeUsers(users),
      // Without the members nobody can be picked: everybody who waits looks for himself.
      () => waiters.wakeAll(),
    )
  }

  async function compute(
    reader: Reader,
    request: SyncRequest,
    since: StreamToken | undefined,
    around: PresenceSection,
  ): Promise<Computed> {
    const { filter } = request
    const { userId } = request.requester
    const to = await ports.streams.positionIn(reader)
    const ephemeral = ports.ephemeral.typing.counter()
    const window = { since: since === undefined ? undefined : Math.min(since.position, to), to }
    const ephemeralSince = since === undefined ? 0 : since.ephemeral
    const view = await readAccountData(ports, reader, userId, window)
    const rooms = await roomSections(ports, sent, reader, request, { window, ephemeralSince, accountData: view })
    const accountData = filterByType(filter.account_data, view.global)
    const devices = await deviceParts(ports, reader, request.requester, since, window)
    const presence =
      around.events.length === 0 ? [] : visiblePresence(around, request, await ignoredUsers(ports, reader, userId, to))
    const next: StreamToken = {
      position: to,
      ephemeral,
      presence: around.upTo,
      ...(devices.lagging === undefined ? {} : { toDevice: devices.lagging }),
    }
    const response: SyncResponse = {
      next_batch: formatStreamToken(next),
      ...(Object.keys(rooms).length > 0 && { rooms }),
      ...(accountData.length > 0 && { account_data: { events: accountData } }),
      ...(presence.length > 0 && { presence: { events: presence } }),
      ...(devices.events.length > 0 && { to_device: { events: devices.events } }),
      ...(devices.lists && { device_lists: devices.lists }),
      ...devices.counts,
    }
    const listsNews = devices.lists !== undefined && devices.lists.changed.length + devices.lists.left.length > 0
    // What users do themselves is no news to them.
    const presenceNews = presence.some(({ sender }) => sender !== userId)
    const hasNews =
      Object.keys(rooms).length > 0 || accountData.length > 0 || devices.events.length > 0 || listsNews || presenceNews
    return { response, next, hasNews, received: devices.received }
  }

  return {
    sliding: createSlidingSync(ports, sent, waiters, answered),
    waiters,
    onAnswer: (hook) => void answerHooks.push(hook),
    part: {
      name: 'sync',
      start: () => {
        unsubscribe = ports.streams.subscribe(onAdvance)
        userNews.begin(ports.streams.position())
      },
      stop: () => unsubscribe?.(),
    },
    sync: async (request) => {
      const { userId, deviceId } = request.requester
      const { since } = request
      let from = since
      const look = async () => {
        const around = await presenceSection(ports, request, from)
        const seen = await ports.db.read((reader) => compute(reader, request, from, around))
        if (seen.received && since !== undefined && deviceId !== undefined) {
          await ports.e2ee.acknowledgeToDevice(userId, deviceId, since.toDevice ?? since.position)
        }
        from = seen.next
        return seen
      }
      const isOnce = since === undefined || request.fullState
      const { response, next } = await poll({ clock: ports.clock, waiters }, request, look, isOnce)
      answered(userId, next.position)
      return response
    },
  }
}
