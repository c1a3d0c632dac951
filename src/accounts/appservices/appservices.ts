import { errors } from '../../matrix/errors.ts'
import { isUserId, type RoomAlias, type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import { LruMap } from '../../util/lru.ts'
import { hashToken } from '../tokens.ts'
import { type Appservice, createAppservice } from './appservice.ts'
import type { Registration } from './registration.ts'

/** Asks application services for what does not exist yet; true where one says that it does now. */
export interface AppserviceQueries {
  user(service: Appservice, userId: UserId): Promise<boolean>
  alias(service: Appservice, alias: RoomAlias): Promise<boolean>
}

/** The application services that are registered now. */
export interface Appservices {
  isEmpty(): boolean
  list(): readonly Appservice[]
  byToken(token: string): Appservice | undefined
  /** Those that a user of this server belongs to, as their own user or by a namespace. */
  ofUser(userId: string): readonly Appservice[]
  /** Throws `M_EXCLUSIVE` where the id is another's, or outside of what the application service that asks may have. */
  checkUser(userId: UserId, by: { readonly id: string } | undefined): void
  checkAlias(alias: RoomAlias, by: { readonly id: string } | undefined): void
  /** Whether an application service keeps everybody else from making or deleting this alias. */
  isReservedAlias(alias: RoomAlias, by: { readonly id: string } | undefined): boolean
  /** Whether the alias is one of those that this application service may manage. */
  isOwnAlias(alias: RoomAlias, by: { readonly id: string } | undefined): boolean
  /** Has the services whose user or alias it would be make it; true where it may exist now. Throws `408` after a time. */
  queryUser(userId: UserId): Promise<boolean>
  queryAlias(alias: RoomAlias): Promise<boolean>
  useQueries(queries: AppserviceQueries): void
  replace(registrations: readonly Registration[]): void
}

const maxKnownUsers = 50_000

export function createAppservices(serverName: ServerName): Appservices {
  let services: readonly Appservice[] = []
  let byHash = new Map<string, Appservice>()
  let queries: AppserviceQueries | undefined
  const known = new LruMap<string, readonly Appservice[]>(maxKnownUsers)
  const none: readonly Appservice[] = []

  const byId = (by: { readonly id: string } | undefined) => services.find(({ id }) => id === by?.id)

  function ofUser(userId: string): readonly Appservice[] {
    if (services.length === 0 || !isUserId(userId) || serverOf(userId) !== serverName) return none
    const before = known.get(userId)
    if (before !== undefined) return before
    const found = services.filter((service) => service.isInterestedIn(userId))
    known.set(userId, found.length === 0 ? none : found)
    return found
  }

  const isReserved = (by: { readonly id: string } | undefined, claims: (service: Appservice) => boolean) => {
    const owners = services.filter(claims)
    return owners.length > 0 && !owners.some(({ id }) => id === by?.id)
  }

  const isReservedAlias: Appservices['isReservedAlias'] = (alias, by) =>
    isReserved(by, ({ reserves }) => reserves.alias(alias))

  async function ask(candidates: readonly Appservice[], question: (service: Appservice) => Promise<boolean>) {
    for (const service of candidates) if (await question(service)) return true
    return false
  }

  return {
    isEmpty: () => services.length === 0,
    list: () => services,
    byToken: (token) => (services.length === 0 ? undefined : byHash.get(hashToken(token))),
    ofUser,
    checkUser: (userId, by) => {
      if (isReserved(by, ({ reserves }) => reserves.user(userId))) throw errors.exclusive()
      if (by !== undefined && !ofUser(userId).some(({ id }) => id === by.id)) {
        throw errors.exclusive('The user id is outside of the namespaces of the application service')
      }
    },
    checkAlias: (alias, by) => {
      if (isReservedAlias(alias, by)) throw errors.exclusive()
      if (by !== undefined && byId(by)?.isInterestedInAlias(alias) === false) {
        throw errors.exclusive('The alias is outside of the namespaces of the application service')
      }
    },
    isReservedAlias,
    isOwnAlias: (alias, by) => byId(by)?.isInterestedInAlias(alias) ?? false,
    queryUser: async (userId) => {
      const asking = queries
      return asking !== undefined && ask(ofUser(userId), (service) => asking.user(service, userId))
    },
    queryAlias: async (alias) => {
      const asking = queries
      if (asking === undefined || serverOf(alias) !== serverName) return false
      const candidates = services.filter((service) => service.isInterestedInAlias(alias))
      return ask(candidates, (service) => asking.alias(service, alias))
    },
    useQueries: (next) => {
      queries = next
    },
    replace: (registrations) => {
      services = registrations.map((registration) => createAppservice(registration, serverName))
      byHash = new Map(services.map((service) => [hashToken(service.registration.asToken), service]))
      known.clear()
    },
  }
}
