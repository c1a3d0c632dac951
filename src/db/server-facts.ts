import { StartupError } from '../util/part.ts'
import type { Database, Reader, Tx } from './database.ts'

/** Small facts that the server keeps about itself. */
export async function getFact(reader: Reader, name: string): Promise<string | undefined> {
  const row = await reader.qb.selectFrom('server_facts').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value
}

export async function setFact(tx: Tx, name: string, value: string): Promise<void> {
  await tx.qb
    .insertInto('server_facts')
    .values({ name, value })
    .onConflict((c) => c.column('name').doUpdateSet({ value }))
    .execute()
}

/** False where there was no such fact. */
export async function deleteFact(tx: Tx, name: string): Promise<boolean> {
  const result = await tx.qb.deleteFrom('server_facts').where('name', '=', name).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Records the server name on first start; throws a `StartupError` where the database belongs to another name. */
export async function requireServerName(db: Database, serverName: string): Promise<void> {
  const recorded = await db.write('server name', async (tx) => {
    const known = await getFact(tx, 'server_name')
    if (known === undefined) await setFact(tx, 'server_name', serverName)
    return known ?? serverName
  })
  if (recorded !== serverName) {
    throw new StartupError(
      `This database belongs to the server "${recorded}", but server_name is "${serverName}". A server cannot be renamed: set server_name back, or use another data_dir and database.`,
    )
  }
}
