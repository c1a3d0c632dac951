import type { Reader, Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { createYielder } from '../util/async.ts'
import type { NamedKey } from './key-format.ts'
import { type Nested, putNested } from './nested.ts'
import type { E2eeHook } from './ports.ts'
import { getFallbackKey, listUnusedFallback, updateFallbackUsed, upsertFallbackKey } from './store-fallback-keys.ts'
import { getKeyCounts, type KeyCounts, upsertKeyCounts } from './store-key-counts.ts'
import {
  countOneTimeKeys,
  deleteOneTimeKey,
  forgetClaimedKeys,
  getOneTimeKey,
  insertOneTimeKey,
  takeOneTimeKey,
} from './store-one-time-keys.ts'

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}

/** How many claimed keys of a device are remembered: more than a client has unanswered uploads of. */
const claimedKept = 200

/** Clients take an algorithm that is not listed for "nothing new" in places, so the common one is always there. */
const noKeys = { signed_curve25519: 0 }

/** What a sync tells the device about its keys: one row, whatever the number of keys. */
export async function getCounts(reader: Reader, device: DeviceRef): Promise<KeyCounts> {
  const counts = await getKeyCounts(reader, device)
  return {
    oneTimeKeys: { ...noKeys, ...counts?.oneTimeKeys },
    unusedFallback: counts?.unusedFallback ?? [],
  }
}

/** Adds one-time keys and replaces fallback keys. Throws `M_INVALID_PARAM` where a key id stands for another key already. */
export async function addKeys(
  tx: Tx,
  device: DeviceRef,
  keys: { oneTime: readonly NamedKey[]; fallback: readonly NamedKey[] },
): Promise<void> {
  if (keys.oneTime.length === 0 && keys.fallback.length === 0) return
  for (const key of keys.oneTime) await addOneTimeKey(tx, device, key)
  for (const key of keys.fallback) {
    const known = await getFallbackKey(tx, device, key.algorithm)
    if (known?.keyId !== key.keyId || known.json !== key.json) await upsertFallbackKey(tx, device, key)
  }
  await forgetClaimedKeys(tx, device, claimedKept)
  await refreshCounts(tx, device)
}

async function addOneTimeKey(tx: Tx, device: DeviceRef, key: NamedKey): Promise<void> {
  const known = await getOneTimeKey(tx, device, key)
  if (known?.json === key.json) return
  if (known && !known.isClaimed) {
    throw errors.invalidParam(`One-time key ${key.algorithm}:${key.keyId} already exists with another value`)
  }
  if (known) await deleteOneTimeKey(tx, known.nid)
  await insertOneTimeKey(tx, device, key)
}

/** Gives out a key for each wanted user, device and algorithm, and tells the hooks; those that have none are absent. */
export async function claimKeys(
  hooks: readonly E2eeHook[],
  tx: Tx,
  wanted: Nested<string>,
): Promise<Nested<JsonObject>> {
  const claimed: Nested<JsonObject> = new Map()
  const pause = createYielder()
  for (const [userId, devices] of wanted) {
    for (const [deviceId, algorithm] of devices) {
      await pause()
      const key = await claimOne(tx, { userId, deviceId }, algorithm)
      if (!key) continue
      putNested(claimed, userId, deviceId, { [`${algorithm}:${key.keyId}`]: JSON.parse(key.json) })
      for (const hook of hooks) await hook.keysClaimed?.(tx, { userId, deviceId })
    }
  }
  return claimed
}

async function claimOne(
  tx: Tx,
  device: DeviceRef,
  algorithm: string,
): Promise<{ keyId: string; json: string } | undefined> {
  const key = await takeOneTimeKey(tx, device, algorithm)
  if (key) {
    await refreshCounts(tx, device)
    return key
  }
  const fallback = await getFallbackKey(tx, device, algorithm)
  if (fallback && !fallback.isUsed) {
    await updateFallbackUsed(tx, device, algorithm)
    await refreshCounts(tx, device)
  }
  return fallback
}

async function refreshCounts(tx: Tx, device: DeviceRef): Promise<void> {
  await upsertKeyCounts(tx, device, {
    oneTimeKeys: await countOneTimeKeys(tx, device),
    unusedFallback: await listUnusedFallback(tx, device),
  })
}
