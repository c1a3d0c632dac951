import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import type { Json } from '../../../matrix/event.ts'
import { nullAsEmptyList } from '../../../matrix/null-as-empty.ts'
import { createTransactions, type EduReceiver } from './transactions.ts'

/** Bodies are JSON already; what the members are, those who take them find out one by one. */
const json = z.unknown().transform((value) => value as Json)

const transaction = z.object({
  pdus: nullAsEmptyList(z.array(json).max(50)).default([]),
  edus: nullAsEmptyList(z.array(json).max(100)).default([]),
})

/** How other servers send us what happens. */
export function transactionRoutes({ db, rooms }: Pick<AppContext, 'db' | 'rooms'>, edus: EduReceiver): Endpoint[] {
  if (rooms.ingest === undefined) return []
  const transactions = createTransactions({ db, reads: rooms.reads, ingest: rooms.ingest, edus })
  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/send/{txnId}',
        auth: 'server',
        body: transaction,
        maxBody: 10 * 1024 * 1024,
        spec: 'https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid',
      },
      ({ params, body, origin, faults }) => {
        const faulty = new Set(
          faults.flatMap(({ path: [list, at] }) => (list === 'pdus' && typeof at === 'number' ? at : [])),
        )
        return transactions.receive(origin, params.txnId, { ...body, faulty })
      },
    ),
  ]
}
