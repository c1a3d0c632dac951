import { formatStreamToken, parseStreamToken, type StreamToken } from '../../matrix/stream-token.ts'

/** A place in a connection: how far the client has got, and which state of the connection that belongs to. */
export interface Pos {
  readonly connNid: number
  readonly seq: number
  readonly token: StreamToken
}

const suffix = /~(\d{1,15})\.(\d{1,15})$/

/** A stream token with the connection after it, so that the endpoints that take stream tokens take this as well. */
export const formatPos = ({ connNid, seq, token }: Pos): string => `${formatStreamToken(token)}~${connNid}.${seq}`

/** Undefined for anything that is no position of ours. */
export function parsePos(text: string): Pos | undefined {
  const match = suffix.exec(text)
  const token = parseStreamToken(text)
  if (match === null || token === undefined) return undefined
  return { connNid: Number(match[1]), seq: Number(match[2]), token }
}
