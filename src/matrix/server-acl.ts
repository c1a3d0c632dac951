/** Server ACLs of a room: https://spec.matrix.org/v1.19/client-server-api/#server-access-control-lists-acls-for-rooms */
import { fieldOf, type HasContent, stringsOf } from './content.ts'
import { matchesGlob } from './glob.ts'
import type { ServerName } from './ids.ts'

/** Whether a room's `m.room.server_acl` event, if it has one, lets a server take part. */
export function isServerAllowed(acl: HasContent | undefined, server: ServerName): boolean {
  if (!acl) return true
  const host = server.replace(/:[0-9]+$/, '').toLowerCase()
  if (fieldOf(acl, 'allow_ip_literals') === false && isIpLiteral(host)) return false
  const matches = (glob: string) => matchesGlob(glob.toLowerCase(), host)
  return !stringsOf(acl, 'deny').some(matches) && stringsOf(acl, 'allow').some(matches)
}

function isIpLiteral(host: string): boolean {
  return host.startsWith('[') || /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(host)
}
