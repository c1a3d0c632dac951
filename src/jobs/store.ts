import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

export interface JobRow {
  readonly job_id: number
  readonly kind: string
  readonly payload: string
  readonly attempts: number
}

const due = prepare((qb, p: { now: number }) =>
  qb
    .selectFrom('jobs')
    .select(['job_id', 'kind', 'payload', 'attempts'])
    .where('run_at', '<=', p.now)
    .orderBy('run_at')
    .orderBy('job_id')
    .limit(1),
)
const next = prepare((qb, _: object) => qb.selectFrom('jobs').select('run_at').orderBy('run_at').limit(1))

export const getDueJob = (reader: Reader, now: number): Promise<JobRow | undefined> => due.first(reader, { now })

export async function getNextRunAt(reader: Reader): Promise<number | undefined> {
  return (await next.first(reader, {}))?.run_at
}

/** With a key, a job of that kind and key that waits already is all there is. */
export async function insertJob(
  tx: Tx,
  job: { kind: string; key: string | null; payload: string; runAt: number },
): Promise<void> {
  await tx.qb
    .insertInto('jobs')
    .values({
      kind: job.kind,
      job_key: job.key,
      payload: job.payload,
      run_at: job.runAt,
      attempts: 0,
      last_error: null,
    })
    .onConflict((conflict) => conflict.columns(['kind', 'job_key']).doNothing())
    .execute()
}

export async function deleteJob(tx: Tx, jobId: number): Promise<void> {
  await tx.qb.deleteFrom('jobs').where('job_id', '=', jobId).execute()
}

export async function postponeJob(tx: Tx, jobId: number, runAt: number, error: string): Promise<void> {
  await tx.qb
    .updateTable('jobs')
    .set((eb) => ({ run_at: runAt, attempts: eb('attempts', '+', 1), last_error: error }))
    .where('job_id', '=', jobId)
    .execute()
}
