import type { Reader, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Clock } from '../../util/clock.ts'
import { listHoldTimes } from '../store-hold-times.ts'
import type { Choices } from './choices.ts'
import { dueOf } from './due.ts'
import { type DeliveryPolicy, digestOf, keepLongest, type Rule } from './policy.ts'
import { serverOfRecipient } from './recipients.ts'
import { type DeliveryChange, type DeliveryRow, getDelivery, setDelivery } from './store-deliveries.ts'
import { type LinkShape, listLinkShapes } from './store-links.ts'
import { lastServerFetch, listLacking } from './store-recipients.ts'

/** Since when another server cannot be reached, in ms since 1970; undefined: it can, as far as is known. */
export type Outages = (reader: Reader, server: string) => Promise<number | undefined>

/** Looks again whether everybody has a piece of media, whether a message shows it, and when it is due. */
export type Settle = (tx: Tx, mediaNid: number) => Promise<void>

/** Deletes what is due now. */
export const sweepJob = 'media.delete due'

export interface SettleDeps {
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly policy: DeliveryPolicy
  readonly choices: Choices
  readonly outages: Outages
}

export function createSettle({ clock, jobs, policy, choices, outages }: SettleDeps): Settle {
  const digest = digestOf(policy)

  /** What its uploader's messages ask for: those that still show it, or else all. */
  async function ruleOf(
    reader: Reader,
    links: readonly LinkShape[],
    { uploader, is_kept: isKept }: DeliveryRow,
  ): Promise<Rule | undefined> {
    if (uploader === null) return undefined
    const own = links.filter(({ isOwn }) => isOwn)
    const open = own.filter(({ isOpen }) => isOpen)
    const rules: Rule[] = []
    for (const { kind, roomNid } of open.length > 0 ? open : own) {
      rules.push(await choices.rule(reader, { kind, roomNid, uploader, isKept: isKept === 1 }))
    }
    return rules.length > 0 ? keepLongest(rules) : undefined
  }

  async function longestOutage(reader: Reader, lacking: readonly string[], since: number): Promise<number> {
    let longest = 0
    for (const name of lacking) {
      const server = serverOfRecipient(name)
      const from = server === undefined ? undefined : await outages(reader, server)
      if (from !== undefined) longest = Math.max(longest, clock.now() - Math.max(from, since))
    }
    return longest
  }

  async function work(tx: Tx, mediaNid: number, state: DeliveryRow) {
    const now = clock.now()
    const links = await listLinkShapes(tx, mediaNid)
    const open = links.filter(({ isOpen }) => isOpen)
    const isTracked = open.length > 0 && open.every((link) => link.isTracked)
    const lacking = open.length > 0 ? await listLacking(tx, mediaNid) : []
    const deliveredTs = isTracked && lacking.length === 0 ? (state.delivered_ts ?? now) : null
    const unlinkedTs = open.length > 0 ? null : (state.unlinked_ts ?? now)
    const rule = await ruleOf(tx, links, state)
    const media = {
      linkedTs: state.linked_ts,
      deliveredTs,
      unlinkedTs,
      serverTs: deliveredTs === null ? null : await lastServerFetch(tx, mediaNid),
      pausedMs: state.paused_ms + (await longestOutage(tx, lacking, state.linked_ts)),
      isNote: links.every(({ isOwn, kind }) => !isOwn || kind === 'note'),
    }
    const due =
      rule && !state.is_pinned ? dueOf(media, rule, policy.redactedGrace, await listHoldTimes(tx, mediaNid)) : undefined
    return { deliveredTs, unlinkedTs, due, isEphemeral: rule?.isDeleted === true && !state.is_pinned }
  }

  return async (tx, mediaNid) => {
    const state = await getDelivery(tx, mediaNid)
    if (!state) return
    const found = await work(tx, mediaNid, state)
    if (state.policy === digest && isSame(found, state)) return
    await setDelivery(tx, mediaNid, { ...found, policy: digest })
    const { due } = found
    if (due && due.ts <= clock.now()) await jobs.enqueue(tx, sweepJob, {})
  }
}

function isSame({ deliveredTs, unlinkedTs, due, isEphemeral }: Omit<DeliveryChange, 'policy'>, state: DeliveryRow) {
  if (deliveredTs !== state.delivered_ts || unlinkedTs !== state.unlinked_ts) return false
  if ((due?.ts ?? null) !== state.due_ts || (due?.reason ?? null) !== state.due_reason) return false
  return isEphemeral === (state.is_ephemeral === 1)
}
