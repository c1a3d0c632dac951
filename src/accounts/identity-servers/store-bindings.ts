import type { Reader, Tx } from '../../db/database.ts'

/** An address that an identity server says to be a user's, because we asked it to. */
export interface Binding {
  readonly medium: string
  readonly address: string
  readonly idServer: string
}

export async function listBindings(
  reader: Reader,
  userId: string,
  of?: { readonly medium: string; readonly address: string },
): Promise<Binding[]> {
  const rows = await reader.qb
    .selectFrom('threepid_bindings')
    .selectAll()
    .where('user_id', '=', userId)
    .$if(of !== undefined, (qb) => qb.where('medium', '=', of?.medium ?? '').where('address', '=', of?.address ?? ''))
    .execute()
  return rows.map((row) => ({ medium: row.medium, address: row.address, idServer: row.id_server }))
}

export async function insertBinding(tx: Tx, userId: string, { medium, address, idServer }: Binding): Promise<void> {
  await tx.qb
    .insertInto('threepid_bindings')
    .values({ user_id: userId, medium, address, id_server: idServer })
    .onConflict((c) => c.doNothing())
    .execute()
}

export async function deleteBinding(tx: Tx, userId: string, { medium, address, idServer }: Binding): Promise<void> {
  await tx.qb
    .deleteFrom('threepid_bindings')
    .where('user_id', '=', userId)
    .where('medium', '=', medium)
    .where('address', '=', address)
    .where('id_server', '=', idServer)
    .execute()
}

export async function deleteBindings(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('threepid_bindings').where('user_id', '=', userId).execute()
}
