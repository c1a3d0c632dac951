import { createHash } from 'node:crypto'
import type { Accounts } from '../../accounts/accounts.ts'
import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Database } from '../../db/database.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { deleteMembers, insertMember } from './store-members.ts'
import { updateProgress } from './store-progress.ts'

interface Deps {
  readonly db: Database
  readonly users: Pick<Accounts['users'], 'list'>
  readonly reads: Pick<RoomReads, 'memberships'>
}

/** Accounts looked at in one write: others wait for it. */
const page = 200

/** What of a registration decides about its users; who wants to be told nothing has no index. */
export function namespaceDigest({ senderUserId, registration }: Appservice): string {
  if (registration.url === undefined) return 'no address'
  const users = registration.namespaces.users.map(({ regex }) => regex)
  return createHash('sha256')
    .update(JSON.stringify([senderUserId, users]))
    .digest('base64url')
}

/** Finds anew in which rooms users of the service are, after its namespaces have changed. Takes time, but holds nobody up. */
export async function indexMembers({ db, users, reads }: Deps, service: Appservice): Promise<void> {
  const { id } = service
  await db.write('forget users of application service', async (tx) => {
    await updateProgress(tx, id, { namespaces: '' })
    await deleteMembers(tx, id)
  })
  let from: string | undefined = service.registration.url === undefined ? undefined : ''
  while (from !== undefined) {
    const after: string = from
    from = await db.write('find users of application service', async (tx) => {
      const list = await users.list(tx, after, page)
      for (const { userId } of list) {
        if (!service.isInterestedIn(userId)) continue
        for (const row of await reads.memberships(tx, userId, 'join')) {
          await insertMember(tx, { id, roomNid: row.room_nid, userId })
        }
      }
      return list.length < page ? undefined : list.at(-1)?.userId
    })
  }
  await db.write('found users of application service', (tx) =>
    updateProgress(tx, id, { namespaces: namespaceDigest(service) }),
  )
}
