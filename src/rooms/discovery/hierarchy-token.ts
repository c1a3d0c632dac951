import { createHash } from 'node:crypto'
import type { UserId } from '../../matrix/ids.ts'

/** What a page of a hierarchy is a page of. */
export interface HierarchyQuery {
  readonly userId: UserId
  readonly roomId: string
  readonly suggestedOnly: boolean
  readonly maxDepth: number | undefined
}

/** How far the pages before have got. */
export interface HierarchyPlace {
  /** How many rooms they held. */
  readonly count: number
  /** Stands for the last of them. */
  readonly mark: string
}

const hash = (...parts: unknown[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16)

/** A short stand-in for a room id. */
export const markOf = (roomId: string): string => hash(roomId)

const sealOf = ({ userId, roomId, suggestedOnly, maxDepth }: HierarchyQuery, { count, mark }: HierarchyPlace) =>
  hash(userId, roomId, suggestedOnly, maxDepth ?? null, count, mark)

/** A token that needs no memory and fits the very same query only. */
export function formatHierarchyToken(query: HierarchyQuery, place: HierarchyPlace): string {
  return `h${place.count}.${place.mark}.${sealOf(query, place)}`
}

/** Undefined for a token of another query, another user or nobody. */
export function parseHierarchyToken(query: HierarchyQuery, token: string): HierarchyPlace | undefined {
  const [, count, mark = '', seal] = /^h(\d{1,9})\.([\w-]{16})\.([\w-]{16})$/.exec(token) ?? []
  const place = { count: Number(count), mark }
  return seal !== undefined && seal === sealOf(query, place) ? place : undefined
}
