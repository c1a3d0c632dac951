import type { Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'

const put = prepare((qb, p: { sender: string; messageId: string; ts: number }) =>
  qb
    .insertInto('received_device_messages')
    .values({ sender: p.sender, message_id: p.messageId, ts: p.ts })
    .onConflict((c) => c.doNothing()),
)

/** False where the message has come before. */
export async function insertReceivedMessage(
  tx: Tx,
  message: { sender: string; messageId: string; ts: number },
): Promise<boolean> {
  return (await put.run(tx, message)).changes > 0
}

export async function deleteReceivedBefore(tx: Tx, ts: number): Promise<void> {
  await tx.qb.deleteFrom('received_device_messages').where('ts', '<', ts).execute()
}
