import { isIP } from 'node:net'
import { z } from 'zod'
import { parseDuration } from '../util/duration.ts'
import { parseSize } from '../util/size.ts'

/** What the loader and the example need to know about a key beyond its type. */
export interface FieldMeta {
  /** Shown in the example where there is no default. */
  example?: unknown
  /** Never printed; may be given as `<key>_file` instead. */
  secret?: boolean
  /** A path, relative to the folder of the configuration file. */
  path?: boolean
}

const durationHint = 'must be a duration such as 30s, 5m, 12h, 7d or whole milliseconds'
const sizeHint = 'must be a size such as 500KiB, 50MiB, 2GB or whole bytes'

/** Parses text with a function that answers undefined for what it cannot read. */
function parsed<T>(parse: (value: string | number) => T | undefined, hint: string) {
  return z.union([z.string(), z.number()], { error: hint }).transform((value, ctx) => {
    const result = parse(value)
    if (result !== undefined) return result
    ctx.addIssue({ code: 'custom', message: hint, input: value })
    return z.NEVER
  })
}

/** Milliseconds, written `30s` or `7d`. */
export const duration = () => parsed(parseDuration, durationHint)

/** Milliseconds, or Infinity for `never`. */
export const durationOrNever = () =>
  parsed((value) => (value === 'never' ? Number.POSITIVE_INFINITY : parseDuration(value)), `${durationHint}, or never`)

/** Bytes, written `50MiB`. */
export const size = () => parsed(parseSize, sizeHint)

/** A string of at least one character. */
export const text = () => z.string().min(1)

/** An `http:` or `https:` address without a trailing slash. */
export const httpUrl = () =>
  z.string().transform((value, ctx) => {
    const url = URL.parse(value)
    if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return value.replace(/\/+$/, '')
    ctx.addIssue({ code: 'custom', message: 'must be an address such as https://matrix.example.org', input: value })
    return z.NEVER
  })

export const secret = () => text().meta({ secret: true } satisfies FieldMeta)

/** A file or folder, relative to the folder of the configuration file. */
export const filePath = () => text().meta({ path: true } satisfies FieldMeta)

/** The part of a user id before the colon. */
export const localpart = () =>
  z.string().regex(/^[a-z0-9._=/+-]+$/, { error: 'must be made of a-z, 0-9 and . _ = - / +' })

/** An IP address, or a network such as 10.0.0.0/8. */
export const addressRange = () =>
  text().refine(isAddressRange, { error: 'must be an address or a range such as 10.0.0.0/8' })

function isAddressRange(value: string): boolean {
  const [address = '', prefix = '0', ...rest] = value.split('/')
  const family = isIP(address)
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
}
