import type { Reader, Tx } from '../db/database.ts'

export interface JobRow {
  readonly job_id: number
  readonly kind: string
  readonly payload: string
  readonly attempts: number
  readonly run_at: number
}

/** The job that is or will be due first, of none of these kinds and not one of these. */
export function getNextJob(
  reader: Reader,
  except: { readonly kinds: readonly string[]; readonly jobIds: readonly number[] },
): Promise<JobRow | undefined> {
  return reader.qb
    .selectFrom('jobs')
    .select(['job_id', 'kind', 'payload', 'attempts', 'run_at'])
    .$if(except.kinds.length > 0, (qb) => qb.where('kind', 'not in', except.kinds))
    .$if(except.jobIds.length > 0, (qb) => qb.where('job_id', 'not in', except.jobIds))
    .orderBy('run_at')
    .orderBy('job_id')
    .limit(1)
    .executeTakeFirst()
}

/** With a key, a job of that kind and key that waits already is all there is; false then. */
export async function insertJob(
  tx: Tx,
  job: { kind: string; key: string | null; payload: string; runAt: number },
): Promise<boolean> {
  const result = await tx.qb
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
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export async function deleteJobByKey(tx: Tx, kind: string, key: string): Promise<void> {
  await tx.qb.deleteFrom('jobs').where('kind', '=', kind).where('job_key', '=', key).execute()
}

/** `prefix` has no characters that mean something in a pattern. */
export async function deleteJobsOfKinds(tx: Tx, prefix: string, except: readonly string[]): Promise<void> {
  await tx.qb
    .deleteFrom('jobs')
    .where('kind', 'like', `${prefix}%`)
    .$if(except.length > 0, (qb) => qb.where('kind', 'not in', except))
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
