import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

/** Nothing that ends a header, starts another address, or needs quoting. */
const localPart = /^[^\s\p{C}@<>()[\]\\,;:"]{1,64}$/u
const domain = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/**
 * One plain mail address in the form in which addresses are compared and written to: lower case, the domain in ASCII.
 * Undefined for anything else, such as two addresses, a name in front, or what could add a header to a mail.
 */
export function canonicalEmail(text: string): string | undefined {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(at, 0)).normalize('NFC')
  const host = domainToASCII(text.slice(at + 1)).toLowerCase()
  if (at < 1 || text.length > 320 || !localPart.test(local) || !domain.test(host) || isIP(host) !== 0) return undefined
  return `${local.toLowerCase()}@${host}`
}
