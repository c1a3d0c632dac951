import { isServerName, type ServerName } from '../../matrix/ids.ts'

/** More servers than that are not tried for one request. */
const most = 12

/**
 * The servers to try for a room, in the order of the lists, each once; without this server and those with which it does
 * not deal.
 */
export function candidateServers(
  lists: readonly (readonly (string | undefined)[])[],
  own: ServerName,
  isAllowed: (server: ServerName) => boolean,
): ServerName[] {
  const servers = new Set<ServerName>()
  for (const name of lists.flat()) {
    if (name !== undefined && isServerName(name) && name !== own && isAllowed(name)) servers.add(name)
  }
  return [...servers].slice(0, most)
}
