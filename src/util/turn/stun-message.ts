/** Messages of STUN and TURN: https://www.rfc-editor.org/rfc/rfc8489 and https://www.rfc-editor.org/rfc/rfc8656 */
import { createHash, createHmac } from 'node:crypto'

export const methods = { binding: 0x001, allocate: 0x003, refresh: 0x004 } as const

export const attributes = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  lifetime: 0x000d,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedTransport: 0x0019,
  xorMappedAddress: 0x0020,
} as const

const cookie = 0x2112a442
const headerBytes = 20

export interface StunAnswer {
  readonly method: number
  readonly isSuccess: boolean
  readonly transaction: Buffer
  readonly attributes: ReadonlyMap<number, Buffer>
}

export interface StunRequest {
  readonly method: number
  /** 12 random bytes. */
  readonly transaction: Buffer
  readonly attributes: readonly (readonly [type: number, value: Buffer])[]
  /** Signs the request; see `longTermKey`. */
  readonly key?: Buffer
}

export function longTermKey(username: string, realm: string, password: string): Buffer {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest()
}

export function encodeRequest({ method, transaction, attributes: given, key }: StunRequest): Buffer {
  const parts = given.map(([type, value]) => encodeAttribute(type, value))
  const body = Buffer.concat(parts)
  if (key === undefined) return Buffer.concat([header(method, body.length, transaction), body])
  // The length that is signed counts the signature already.
  const signed = Buffer.concat([header(method, body.length + 24, transaction), body])
  const mac = createHmac('sha1', key).update(signed).digest()
  return Buffer.concat([signed, encodeAttribute(attributes.messageIntegrity, mac)])
}

function header(method: number, length: number, transaction: Buffer): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16BE(method, 0)
  bytes.writeUInt16BE(length, 2)
  bytes.writeUInt32BE(cookie, 4)
  return Buffer.concat([bytes, transaction])
}

function encodeAttribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc(padding(value.length))])
}

const padding = (length: number) => (4 - (length % 4)) % 4

/** The bytes of the message at the start; undefined while they are not all there. Streams need it, datagrams are whole. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < headerBytes) return undefined
  const length = headerBytes + bytes.readUInt16BE(2)
  return bytes.length >= length ? length : undefined
}

/** Undefined for what is no answer of a STUN server. */
export function decodeAnswer(bytes: Buffer): StunAnswer | undefined {
  if (messageLength(bytes) === undefined || bytes.readUInt32BE(4) !== cookie) return undefined
  const type = bytes.readUInt16BE(0)
  if ((type & 0xc100) !== 0x0100) return undefined
  const found = new Map<number, Buffer>()
  const end = headerBytes + bytes.readUInt16BE(2)
  for (let at = headerBytes; at + 4 <= end; ) {
    const length = bytes.readUInt16BE(at + 2)
    if (at + 4 + length > end) return undefined
    const kind = bytes.readUInt16BE(at)
    if (!found.has(kind)) found.set(kind, bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length + padding(length)
  }
  const method = type & 0x3eef
  return { method, isSuccess: (type & 0x0010) === 0, transaction: bytes.subarray(8, 20), attributes: found }
}

/** `401 Unauthorized` as number and text; undefined where the answer has none. */
export function errorOf(answer: StunAnswer): { readonly code: number; readonly text: string } | undefined {
  const value = answer.attributes.get(attributes.errorCode)
  if (value === undefined || value.length < 4) return undefined
  return { code: (value.readUInt8(2) & 7) * 100 + value.readUInt8(3), text: value.toString('utf8', 4) }
}

/** `192.0.2.1:49152` or `[2001:db8::1]:49152` from an attribute that hides it from routers which rewrite addresses. */
export function readXorAddress(value: Buffer, transaction: Buffer): string | undefined {
  if (value.length < 8) return undefined
  const port = value.readUInt16BE(2) ^ (cookie >>> 16)
  const mask = Buffer.alloc(4)
  mask.writeUInt32BE(cookie, 0)
  const masks = Buffer.concat([mask, transaction])
  const bytes = value.subarray(4).map((byte, i) => byte ^ (masks[i] ?? 0))
  if (value.readUInt8(1) === 1 && bytes.length === 4) return `${[...bytes].join('.')}:${port}`
  if (value.readUInt8(1) !== 2 || bytes.length !== 16) return undefined
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16))
  return `[${groups.join(':')}]:${port}`
}
