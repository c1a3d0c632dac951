import { z } from 'zod'
import type { ConnectionState, Settings } from './connection.ts'
import { type StateRule, selectorOf } from './required-state.ts'
import type { RoomConfig } from './types.ts'

/** So many subscriptions of one connection are remembered. */
const maxSubscriptions = 200
/** What a connection has asked for is remembered up to this many characters. */
const maxRules = 64 * 1024

const element = z.object({ type: z.string().optional(), stateKey: z.string().optional() })
const rule = z.object({ include: z.array(element), exclude: z.array(element), lazyMembers: z.boolean() })
const stored = z.object({
  subscriptions: z.array(z.tuple([z.string(), z.int(), z.string()])),
  selectors: z.record(z.string(), z.array(rule)),
  scopes: z.record(z.string(), z.string()),
})

/** What is written down of the settings: as much of the selectors as fits. */
export function serializeSettings({ subscriptions, selectors, scopes }: Settings): string {
  const kept: Record<string, readonly StateRule[]> = {}
  let size = 0
  for (const [digest, { rules }] of selectors) {
    size += JSON.stringify(rules).length
    if (size <= maxRules) kept[digest] = rules
  }
  const rows = [...subscriptions].map(([roomId, { timelineLimit, state }]) => [roomId, timelineLimit, state.digest])
  return JSON.stringify({
    subscriptions: rows.filter(([, , digest]) => typeof digest === 'string' && Object.hasOwn(kept, digest)),
    selectors: kept,
    scopes,
  })
}

export function parseSettings(text: string): Settings {
  const { subscriptions, selectors, scopes } = stored.parse(JSON.parse(text))
  const byDigest = new Map(Object.entries(selectors).map(([digest, rules]) => [digest, selectorOf(rules.map(toRule))]))
  const rows = subscriptions.flatMap(([roomId, timelineLimit, digest]): [string, RoomConfig][] => {
    const state = byDigest.get(digest)
    return state === undefined ? [] : [[roomId, { timelineLimit, state }]]
  })
  return { subscriptions: new Map(rows), selectors: byDigest, scopes }
}

const toElement = ({ type, stateKey }: z.output<typeof element>) => ({
  ...(type === undefined ? {} : { type }),
  ...(stateKey === undefined ? {} : { stateKey }),
})
const toRule = ({ include, exclude, lazyMembers }: z.output<typeof rule>): StateRule => ({
  include: include.map(toElement),
  exclude: exclude.map(toElement),
  lazyMembers,
})

/** The subscriptions that hold after a request that ends some and makes or changes others; the same map where none changes. */
export function subscribe(
  before: ReadonlyMap<string, RoomConfig>,
  ended: readonly string[],
  made: ReadonlyMap<string, RoomConfig>,
): ReadonlyMap<string, RoomConfig> {
  const next = new Map(before)
  let hasChanged = false
  for (const roomId of ended) if (next.delete(roomId)) hasChanged = true
  for (const [roomId, config] of made) {
    const known = next.get(roomId)
    if (known?.timelineLimit === config.timelineLimit && known.state.digest === config.state.digest) continue
    next.delete(roomId)
    next.set(roomId, config)
    hasChanged = true
  }
  for (const roomId of next.keys()) {
    if (next.size <= maxSubscriptions) break
    if (!made.has(roomId)) next.delete(roomId)
  }
  return hasChanged ? next : before
}

/** The state without the selectors that nothing refers to any more. */
export function pruneSelectors({ rooms, settings }: ConnectionState): ConnectionState {
  const used = new Set([...rooms.values()].map(({ config }) => config))
  const selectors = new Map([...settings.selectors].filter(([digest]) => used.has(digest)))
  for (const { state } of settings.subscriptions.values()) selectors.set(state.digest, state)
  return { rooms, settings: { ...settings, selectors } }
}
