import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { LruMap } from '../util/lru.ts'
import { randomString, randomToken } from '../util/random.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { canonicalJson, lenientCanonicalJson } from './canonical-json.ts'
import { MatrixError } from './errors.ts'
import type { Json, JsonObject } from './event.ts'
import type { ServerName } from './ids.ts'

export interface SigningKey {
  /** For example `ed25519:a_Xy12`. */
  readonly keyId: string
  /** Unpadded Base64. */
  readonly publicKey: string
  /** The signature as unpadded Base64; text is signed as UTF-8. */
  sign(data: Uint8Array | string): string
}

/** A key that signs no more; what it signed up to `expiredTs` (ms) stays valid. */
export interface OldSigningKey {
  readonly keyId: string
  /** Unpadded Base64. */
  readonly publicKey: string
  readonly expiredTs: number
}

/** What an Ed25519 private key of PKCS #8 and a public key of SPKI have in front of their 32 bytes. */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Reading a public key costs about as much as using it, and the same few come again and again. */
const publicKeys = new LruMap<string, KeyObject>(2000)

/** A signing key from its version (the part of the key id after the colon) and its seed of 32 bytes. */
export function signingKeyFromSeed(version: string, seed: Uint8Array): SigningKey {
  if (!/^[A-Za-z0-9_]+$/.test(version)) throw new Error('The version of a signing key has letters, digits and _ only')
  if (seed.length !== 32) throw new Error('The seed of a signing key has 32 bytes')
  const key = createPrivateKey({ key: Buffer.concat([privatePrefix, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    keyId: `ed25519:${version}`,
    publicKey: encodeBase64(spki.subarray(publicPrefix.length)),
    sign: (data) => encodeBase64(sign(null, toBytes(data), key)),
  }
}

/** A fresh key in the form of the key file: `ed25519 a_Xy12 SEED`. */
export function generateSigningKeyText(): string {
  // Tokens are URL-safe, key files have the standard alphabet.
  const seed = encodeBase64(Buffer.from(randomToken(32), 'base64url'))
  return `ed25519 a_${randomString(4)} ${seed}\n`
}

/** Reads a key file, one `ed25519 VERSION SEED` a line; throws an Error that names the line but not the seed. */
export function parseSigningKeys(text: string): SigningKey[] {
  const keys: SigningKey[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const [algorithm, version, seed, ...rest] = line.trim().split(/\s+/)
    const bytes = decodeBase64(seed ?? '')
    if (algorithm !== 'ed25519' || version === undefined || bytes?.length !== 32 || rest.length > 0) {
      throw new Error(`Line ${i + 1} of the signing keys is not "ed25519 VERSION SEED"`)
    }
    keys.push(signingKeyFromSeed(version, bytes))
  }
  return keys
}

/** Whether an unpadded Base64 signature fits; false for malformed keys and signatures. */
export function verifySignature(data: Uint8Array | string, publicKey: string, signature: string): boolean {
  const key = importPublicKey(publicKey)
  const bytes = decodeBase64(signature)
  return key !== undefined && bytes?.length === 64 && verify(null, toBytes(data), key, bytes)
}

/** The same in a thread of its own, so that many signatures leave this one to others. */
export function verifySignatureAside(text: string, publicKey: string, signature: string): Promise<boolean> {
  const key = importPublicKey(publicKey)
  const bytes = decodeBase64(signature)
  if (key === undefined || bytes?.length !== 64) return Promise.resolve(false)
  return new Promise((resolve, reject) => {
    verify(null, toBytes(text), key, bytes, (error, isValid) => (error ? reject(error) : resolve(isValid)))
  })
}

/** A copy of the object with our signature added; `unsigned` and other signatures stay and are not covered. */
export function signJson<T extends JsonObject>(object: T, server: ServerName | string, key: SigningKey): T {
  const signatures = { ...asObject(object.signatures) }
  const signature = key.sign(canonicalJson(withoutSignatures(object)))
  signatures[server] = { ...asObject(signatures[server]), [key.keyId]: signature }
  return { ...object, signatures }
}

/** Whether the object has a fitting signature of this server (or user) with this key; malformed objects have none. */
export function verifyJson(object: JsonObject, server: string, keyId: string, publicKey: string): boolean {
  const signature = signaturesBy(object, server).get(keyId)
  if (signature === undefined) return false
  try {
    return verifySignature(lenientCanonicalJson(withoutSignatures(object)), publicKey, signature)
  } catch (error) {
    if (error instanceof MatrixError) return false
    throw error
  }
}

/** The signatures that one server (or user) put on an object: Base64 by key id, Ed25519 only. */
export function signaturesBy(object: { readonly signatures?: Json }, server: string): ReadonlyMap<string, string> {
  const all = asObject(object.signatures)
  const own = Object.hasOwn(all, server) ? asObject(all[server]) : {}
  const found = new Map<string, string>()
  for (const [keyId, signature] of Object.entries(own)) {
    if (keyId.startsWith('ed25519:') && typeof signature === 'string') found.set(keyId, signature)
  }
  return found
}

function importPublicKey(publicKey: string): KeyObject | undefined {
  const known = publicKeys.get(publicKey)
  if (known) return known
  const bytes = decodeBase64(publicKey)
  if (bytes?.length !== 32) return undefined
  const key = createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: 'der', type: 'spki' })
  publicKeys.set(publicKey, key)
  return key
}

function withoutSignatures(object: JsonObject): JsonObject {
  const { signatures: _signatures, unsigned: _unsigned, ...rest } = object
  return rest
}

function asObject(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

function toBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data
}
