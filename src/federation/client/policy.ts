import { matchesGlob } from '../../matrix/glob.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { splitServerName } from './discovery/split-server-name.ts'

export interface ServerPolicy {
  readonly enabled: boolean
  /** Globs; undefined: all servers. */
  readonly allowed: readonly string[] | undefined
  readonly denied: readonly string[]
}

/** Says with which servers this one deals. Globs are compared without regard to case, with the port and without. */
export function createServerPolicy({ enabled, allowed, denied }: ServerPolicy): (server: ServerName) => boolean {
  const lower = (globs: readonly string[]) => globs.map((glob) => glob.toLowerCase())
  const allowedGlobs = allowed && lower(allowed)
  const deniedGlobs = lower(denied)
  return (server) => {
    const names = [server.toLowerCase(), splitServerName(server).hostname.toLowerCase()]
    const isIn = (globs: readonly string[]) => globs.some((glob) => names.some((name) => matchesGlob(glob, name)))
    return enabled && !isIn(deniedGlobs) && (allowedGlobs === undefined || isIn(allowedGlobs))
  }
}
