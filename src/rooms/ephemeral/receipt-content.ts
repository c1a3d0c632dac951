import type { JsonObject } from '../../matrix/event.ts'
import type { ReceiptRow } from './store-receipts.ts'

/**
 * The content of `m.receipt`: event id, receipt type, user id. Where a user has a threaded and an unthreaded receipt on
 * one event, the unthreaded one stands, as it says more. Undefined for no rows.
 * https://spec.matrix.org/v1.19/client-server-api/#mreceipt
 */
export function receiptContent(rows: readonly ReceiptRow[]): JsonObject | undefined {
  if (rows.length === 0) return undefined
  const content: Record<string, Record<string, Record<string, JsonObject>>> = {}
  const unthreadedLast = [...rows].sort((a, b) => Number(a.thread_id === '') - Number(b.thread_id === ''))
  for (const row of unthreadedLast) {
    const byType = content[row.event_id] ?? {}
    const byUser = byType[row.receipt_type] ?? {}
    byUser[row.user_id] = row.thread_id === '' ? { ts: row.ts } : { ts: row.ts, thread_id: row.thread_id }
    byType[row.receipt_type] = byUser
    content[row.event_id] = byType
  }
  return content
}
