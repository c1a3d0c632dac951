import { errors } from '../matrix/errors.ts'

/** Users, or devices of all users together, that one request may name: more than any client asks for at once. */
const maxNamed = 10_000
/** Keys or signatures that one request may upload; clients keep about a hundred keys here. */
const maxUploaded = 1000
/** The most bytes that a key or a message to a device may have as JSON: it is passed on to many. */
const maxObjectBytes = 65_536

/** Throws `413 M_TOO_LARGE` where a request names too many users or devices. */
export function limitNamed(named: ReadonlyMap<string, ReadonlyMap<string, unknown> | readonly unknown[]>): void {
  let count = 0
  for (const devices of named.values()) count += Math.max(1, 'size' in devices ? devices.size : devices.length)
  if (count > maxNamed) throw errors.tooLarge(`A request can name ${maxNamed} users and devices`)
}

/** Throws `413 M_TOO_LARGE` where a request uploads too many keys or signatures. */
export function limitUploaded(count: number): void {
  if (count > maxUploaded) throw errors.tooLarge(`A request can upload ${maxUploaded} keys`)
}

/** Throws `413 M_TOO_LARGE` for JSON that is too large to be passed on. */
export function limitObject(json: string): void {
  const bytes = Buffer.byteLength(json)
  if (bytes > maxObjectBytes) throw errors.tooLarge(`An object of ${bytes} bytes is too large, over ${maxObjectBytes}`)
}
