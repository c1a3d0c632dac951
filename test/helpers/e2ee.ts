/** Keys as clients make them, for tests that need no real encryption. */
import { createHash } from 'node:crypto'
import type { JsonObject } from '../../src/matrix/event.ts'
import { type SigningKey, signingKeyFromSeed, signJson } from '../../src/matrix/signing.ts'

/** A signing key that is the same for the same name; its id ends in `id`, or in its own public key. */
export function keyFor(name: string, id?: string): SigningKey {
  const key = signingKeyFromSeed('x', createHash('sha256').update(name).digest())
  return { ...key, keyId: `ed25519:${id ?? key.publicKey}` }
}

export interface Owner {
  readonly userId: string
  readonly deviceId: string
}

/** Identity keys of a device, signed by itself. */
export function deviceKeys({ userId, deviceId }: Owner, seed = deviceId): JsonObject {
  const key = keyFor(`device ${userId} ${seed}`, deviceId)
  const object = {
    user_id: userId,
    device_id: deviceId,
    algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
    keys: {
      [`curve25519:${deviceId}`]: createHash('sha256').update(seed).digest('base64').slice(0, 43),
      [key.keyId]: key.publicKey,
    },
  }
  return signJson(object, userId, key)
}

/** One-time keys `first..first+count-1` of the common algorithm. */
export function oneTimeKeys({ userId, deviceId }: Owner, first: number, count: number): JsonObject {
  const key = keyFor(`device ${userId} ${deviceId}`, deviceId)
  const names = Array.from({ length: count }, (_, i) => `AAAA${String(first + i).padStart(3, '0')}`)
  return Object.fromEntries(
    names.map((name) => [`signed_curve25519:${name}`, signJson({ key: `key ${name}` }, userId, key)]),
  )
}

export interface CrossSigning {
  readonly master: SigningKey
  readonly selfSigning: SigningKey
  readonly userSigning: SigningKey
  /** The body of `/keys/device_signing/upload`. */
  readonly upload: { master_key: JsonObject; self_signing_key: JsonObject; user_signing_key: JsonObject }
}

/** A set of cross-signing keys; another generation is another set. */
export function crossSigning(userId: string, generation = 1): CrossSigning {
  const make = (usage: string) => keyFor(`${usage} ${userId} ${generation}`)
  const object = (usage: string, key: SigningKey): JsonObject => ({
    user_id: userId,
    usage: [usage],
    keys: { [key.keyId]: key.publicKey },
  })
  const [master, selfSigning, userSigning] = [make('master'), make('self_signing'), make('user_signing')]
  return {
    master,
    selfSigning,
    userSigning,
    upload: {
      master_key: object('master', master),
      self_signing_key: signJson(object('self_signing', selfSigning), userId, master),
      user_signing_key: signJson(object('user_signing', userSigning), userId, master),
    },
  }
}

/** The object with the signature of `key` and no other. */
export function signedBy(object: JsonObject, userId: string, key: SigningKey): JsonObject {
  const { signatures: _signatures, unsigned: _unsigned, ...rest } = object
  return signJson(rest, userId, key)
}
