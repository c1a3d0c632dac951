import type { Database } from '../db/database.ts'
import { errors, MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { isUserId, type ServerName, serverOf } from '../matrix/ids.ts'
import { FetchError } from '../util/fetch-error.ts'
import { type Nested, nestedObject } from './nested.ts'
import { claimKeys } from './one-time-keys.ts'
import type { DeviceDirectory, E2eeHook, QueriedKeys, RemoteKeys } from './ports.ts'
import { queryLocalKeys } from './query-keys.ts'

export interface EverywhereDeps {
  readonly db: Database
  readonly devices: DeviceDirectory
  readonly serverName: ServerName
  readonly hooks: readonly E2eeHook[]
  /** Undefined as long as there is no federation. */
  remote(): RemoteKeys | undefined
}

type Failures = { [server: string]: JsonObject }

export type QueryAnswer = QueriedKeys & { readonly failures: Failures }

export interface ClaimAnswer {
  readonly one_time_keys: { [userId: string]: { [deviceId: string]: JsonObject } }
  readonly failures: Failures
}

/** Asks our own database and, side by side, each server that has some of the users; one that fails is named in `failures`. */
export async function queryEverywhere(
  deps: EverywhereDeps,
  viewer: string,
  wanted: ReadonlyMap<string, readonly string[]>,
  timeoutMs: number,
): Promise<QueryAnswer> {
  const { local, byServer } = splitByServer(deps.serverName, wanted)
  const failures: Failures = {}
  const [own, ...others] = await Promise.all([
    deps.db.read((reader) => queryLocalKeys(deps.devices, reader, viewer, local)),
    ...askServers(deps, byServer, failures, async (remote, server, users) => {
      const answer = await remote.query(server, users, timeoutMs)
      if (answer.failure !== undefined) failures[server] = failureOf(answer.failure)
      return answer
    }),
  ])
  for (const { wanted: asked, answer } of others) {
    if (!answer) continue
    for (const part of ['device_keys', 'master_keys', 'self_signing_keys'] as const) {
      addWanted<object>(own[part], answer[part], asked)
    }
  }
  return { ...own, failures }
}

/** Claims keys here and, side by side, from each server that has some of the users. */
export async function claimEverywhere(
  deps: EverywhereDeps,
  wanted: Nested<string>,
  timeoutMs: number,
): Promise<ClaimAnswer> {
  const { local, byServer } = splitByServer(deps.serverName, wanted)
  const failures: Failures = {}
  const [own, ...others] = await Promise.all([
    local.size > 0 ? deps.db.write('claim keys', (tx) => claimKeys(deps.hooks, tx, local)) : new Map<string, never>(),
    ...askServers(deps, byServer, failures, (remote, server, users) => remote.claim(server, users, timeoutMs)),
  ])
  const keys = nestedObject<JsonObject>(own)
  for (const { wanted: asked, answer } of others) if (answer) addWanted(keys, answer, asked)
  return { one_time_keys: keys, failures }
}

function splitByServer<T>(
  serverName: ServerName,
  wanted: ReadonlyMap<string, T>,
): { local: Map<string, T>; byServer: Map<ServerName, Map<string, T>> } {
  const local = new Map<string, T>()
  const byServer = new Map<ServerName, Map<string, T>>()
  for (const [userId, value] of wanted) {
    if (!isUserId(userId)) throw errors.invalidParam('The keys of the request must be user ids')
    const server = serverOf(userId)
    if (server === serverName) local.set(userId, value)
    else byServer.set(server, (byServer.get(server) ?? new Map<string, T>()).set(userId, value))
  }
  return { local, byServer }
}

/** A server speaks for the users that it was asked about and for nobody else. */
function addWanted<T>(
  to: { [userId: string]: T },
  answer: { readonly [userId: string]: T },
  wanted: ReadonlyMap<string, unknown>,
): void {
  for (const userId of wanted.keys()) {
    const value = Object.hasOwn(answer, userId) ? answer[userId] : undefined
    if (value !== undefined) to[userId] = value
  }
}

function askServers<T, R>(
  deps: EverywhereDeps,
  byServer: ReadonlyMap<ServerName, T>,
  failures: Failures,
  ask: (remote: RemoteKeys, server: ServerName, wanted: T) => Promise<R>,
): Promise<{ wanted: T; answer: R | undefined }>[] {
  return [...byServer].map(async ([server, wanted]) => {
    const remote = deps.remote()
    try {
      if (!remote) throw errors.connectionFailed()
      return { wanted, answer: await ask(remote, server, wanted) }
    } catch (error) {
      failures[server] = failureOf(error)
      return { wanted, answer: undefined }
    }
  })
}

/** What clients are told of a server that failed; throws what is an error of ours. */
function failureOf(error: unknown): JsonObject {
  if (!(error instanceof MatrixError || error instanceof FetchError)) throw error
  return error instanceof MatrixError ? error.body : errors.connectionFailed().body
}
