import { isUtf8 } from 'node:buffer'

/** The text of a header as it was meant: servers write names of files in UTF-8, though HTTP has Latin-1 there. */
export function headerText(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
}
