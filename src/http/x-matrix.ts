import { isServerName, type ServerName } from '../matrix/ids.ts'

/** What an `Authorization: X-Matrix` header says. */
export interface XMatrix {
  readonly origin: ServerName
  /** Old servers leave it out. */
  readonly destination: string | undefined
  /** For example `ed25519:a_Xy12`. */
  readonly key: string
  readonly signature: string
}

const scheme = /^\s*x-matrix\s+/i
/** One `name=value`: old servers write values such as key ids without quotes though those are no tokens. */
const parameter = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?=,|$)/y

/** Reads one header; undefined where it is malformed: https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
export function parseXMatrix(header: string): XMatrix | undefined {
  const start = scheme.exec(header)?.[0].length
  if (start === undefined) return undefined
  const values = parseParameters(header, start)
  const origin = values?.get('origin')
  const key = values?.get('key')
  const signature = values?.get('sig')
  if (!origin || !isServerName(origin) || !key?.startsWith('ed25519:') || !signature) return undefined
  return { origin, destination: values?.get('destination'), key, signature }
}

function parseParameters(header: string, start: number): Map<string, string> | undefined {
  const values = new Map<string, string>()
  parameter.lastIndex = start
  let end = start
  for (let match = parameter.exec(header); match; match = parameter.exec(header)) {
    const [, name = '', quoted, plain = ''] = match
    const lower = name.toLowerCase()
    if (values.has(lower)) return undefined
    values.set(lower, quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1'))
    end = parameter.lastIndex
  }
  return /^[\s,]*$/.test(header.slice(end)) ? values : undefined
}
