import type { Database, Reader } from '../db/database.ts'
import { errors, type MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { signaturesBy, verifyJson } from '../matrix/signing.ts'
import { type ChangeDeps, crossSigningChanged, deviceChanged } from './device-keys.ts'
import { markChangedFor } from './device-lists.ts'
import { signedPart } from './key-format.ts'
import { type Nested, nestedObject, putNested } from './nested.ts'
import {
  type KeySignature,
  listCrossSigningKeys,
  type StoredCrossSigningKey,
  upsertKeySignature,
} from './store-cross-signing.ts'
import { getDeviceKeys, listDeviceKeys } from './store-device-keys.ts'

export interface SignaturesDeps extends ChangeDeps {
  readonly db: Database
  /** The master keys of users on other servers, by user; those that cannot be had are absent. */
  remoteMasterKeys(userIds: readonly string[]): Promise<ReadonlyMap<string, JsonObject>>
  isLocal(userId: string): boolean
}

/** What the signer has: cross-signing keys and the identity keys of devices, by usage and device id. */
interface Signer {
  readonly userId: string
  readonly keys: ReadonlyMap<string, StoredCrossSigningKey>
  readonly devices: ReadonlyMap<string, JsonObject>
  /** Master keys of others, by user. */
  readonly masters: ReadonlyMap<string, JsonObject>
}

type Verdict = KeySignature[] | MatrixError

/**
 * Checks and keeps signatures that a user made over own devices and master key, and over the master keys of others.
 * Answers the errors of those that were refused, by user id and key id.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
 */
export async function uploadSignatures(
  deps: SignaturesDeps,
  userId: string,
  upload: Nested<JsonObject>,
): Promise<{ [userId: string]: { [keyId: string]: JsonObject } }> {
  const signer = await loadSigner(deps, userId, [...upload.keys()])
  const failures: Nested<JsonObject> = new Map()
  const accepted: KeySignature[] = []
  for (const [target, keys] of upload) {
    for (const [keyId, object] of keys) {
      const verdict = target === userId ? checkOwn(signer, keyId, object) : checkOther(signer, target, keyId, object)
      if (Array.isArray(verdict)) accepted.push(...verdict)
      else putNested(failures, target, keyId, verdict.body)
    }
  }
  if (accepted.length > 0) await keepSignatures(deps, signer, accepted)
  return nestedObject(failures)
}

async function loadSigner(deps: SignaturesDeps, userId: string, targets: string[]): Promise<Signer> {
  const others = targets.filter((target) => target !== userId)
  const local = [userId, ...others.filter((target) => deps.isLocal(target))]
  const { keys, devices } = await deps.db.read(async (reader: Reader) => ({
    keys: await listCrossSigningKeys(reader, local),
    devices: await listDeviceKeys(reader, [userId]),
  }))
  const masters = new Map(await deps.remoteMasterKeys(others.filter((target) => !deps.isLocal(target))))
  for (const key of keys) if (key.usage === 'master') masters.set(key.userId, JSON.parse(key.json))
  return {
    userId,
    keys: new Map(keys.filter((key) => key.userId === userId).map((key) => [key.usage, key])),
    devices: new Map(devices.map((row) => [row.device_id, JSON.parse(row.json)])),
    masters,
  }
}

/** Own devices are signed with the self-signing key, the own master key with devices. */
function checkOwn(signer: Signer, keyId: string, object: JsonObject): Verdict {
  const device = signer.devices.get(keyId)
  if (device) {
    const selfSigning = signer.keys.get('self_signing')
    if (!selfSigning) return errors.invalidSignature('You have no self-signing key')
    return checkSignatures(signer, { userId: signer.userId, keyId, known: device, object }, (id) =>
      id === `ed25519:${selfSigning.publicKey}` ? selfSigning.publicKey : undefined,
    )
  }
  const master = signer.masters.get(signer.userId)
  if (!master || signer.keys.get('master')?.publicKey !== keyId) return errors.notFound('You have no such key')
  return checkSignatures(signer, { userId: signer.userId, keyId, known: master, object }, (id) => {
    const keys = signer.devices.get(id.slice('ed25519:'.length))?.keys
    // Device keys were checked when they were uploaded.
    return (keys as { [name: string]: string } | undefined)?.[id]
  })
}

/** Of others only the master key can be signed, with the user-signing key. */
function checkOther(signer: Signer, target: string, keyId: string, object: JsonObject): Verdict {
  const master = signer.masters.get(target)
  if (!master || !Object.hasOwn(master.keys as object, `ed25519:${keyId}`)) {
    return errors.notFound('The user has no such master key')
  }
  const userSigning = signer.keys.get('user_signing')
  if (!userSigning) return errors.invalidSignature('You have no user-signing key')
  return checkSignatures(signer, { userId: target, keyId, known: master, object }, (id) =>
    id === `ed25519:${userSigning.publicKey}` ? userSigning.publicKey : undefined,
  )
}

/** Signatures by keys that do not count here are passed over: clients send them along with the new one. */
function checkSignatures(
  signer: Signer,
  target: { userId: string; keyId: string; known: JsonObject; object: JsonObject },
  publicKeyOf: (signerKeyId: string) => string | undefined,
): Verdict {
  if (signedPart(target.known) !== signedPart(target.object)) {
    return errors.invalidSignature('The signed object is not the key that we have')
  }
  const found: KeySignature[] = []
  for (const [signerKeyId, signature] of signaturesBy(target.object, signer.userId)) {
    const publicKey = publicKeyOf(signerKeyId)
    if (publicKey === undefined) continue
    if (!verifyJson(target.object, signer.userId, signerKeyId, publicKey)) return errors.invalidSignature()
    found.push({
      userId: target.userId,
      keyId: target.keyId,
      signerUserId: signer.userId,
      signerKeyId,
      signature,
    })
  }
  return found.length > 0 ? found : errors.invalidSignature('There is no signature by a key that may sign this')
}

function keepSignatures(deps: SignaturesDeps, signer: Signer, accepted: readonly KeySignature[]): Promise<void> {
  const { userId } = signer
  return deps.db.write('upload signatures', async (tx) => {
    for (const signature of accepted) await upsertKeySignature(tx, signature)
    const own = new Set(accepted.filter((signature) => signature.userId === userId).map(({ keyId }) => keyId))
    const others = new Set(accepted.map((signature) => signature.userId).filter((id) => id !== userId))
    for (const keyId of own) {
      if ((await getDeviceKeys(tx, userId, keyId)) !== undefined) {
        await deviceChanged(deps, tx, { userId, deviceId: keyId, deleted: false })
      } else {
        await crossSigningChanged(deps, tx, userId)
      }
    }
    if (others.size > 0) await markChangedFor(deps, tx, userId, others)
  })
}
