/** Unread counts made the slow way: every event judged for every user when it comes, and counted again on every look. */
import type { Pdu } from '../../src/matrix/event.ts'
import type { UserId } from '../../src/matrix/ids.ts'
import type { PushRuleset } from '../../src/matrix/push-rule-types.ts'
import { compilePushRules, evaluatePushRules } from '../../src/matrix/push-rules.ts'
import type { StoredEvent } from '../../src/rooms/types.ts'

interface Judged {
  readonly pos: number
  readonly event: StoredEvent
  readonly verdicts: ReadonlyMap<string, { notify: boolean; highlight: boolean }>
  redacted: boolean
}

export interface Rules {
  readonly ruleset: PushRuleset
  readonly ignored: ReadonlySet<string>
}

interface Reader {
  joinedAt: number
  unthreaded: number
  readonly scopes: Map<string, number>
}

const scopeOf = (event: StoredEvent) => event.threadId ?? 'main'

export class UnreadModel {
  readonly events: Judged[] = []
  readonly #members = new Map<string, Reader>()
  readonly #names = new Map<string, string | undefined>()

  get joined(): UserId[] {
    return [...this.#members.keys()] as UserId[]
  }

  /** Takes the next event, with everybody's rules at that time. `mayNotifyRoom`: who may mention the whole room. */
  add(event: StoredEvent, rulesOf: (userId: string) => Rules, mayNotifyRoom: (userId: string) => boolean): void {
    const { pdu } = event
    const pos = event.streamPos ?? 0
    this.#follow(pdu, pos)
    const subject = {
      event: pdu,
      memberCount: this.#members.size,
      hasNotificationPower: (key: string) => key === 'room' && mayNotifyRoom(pdu.sender),
    }
    const verdicts = new Map(
      this.joined.map((userId): [string, { notify: boolean; highlight: boolean }] => {
        const { ruleset, ignored } = rulesOf(userId)
        if (ignored.has(pdu.sender)) return [userId, { notify: false, highlight: false }]
        const user = { userId, displayName: this.#names.get(userId) }
        return [userId, evaluatePushRules(compilePushRules(ruleset), subject, user)]
      }),
    )
    this.events.push({ pos, event, verdicts, redacted: false })
    const sender = this.#members.get(pdu.sender)
    if (sender && pdu.state_key === undefined && pdu.type !== 'm.room.redaction') sender.scopes.set(scopeOf(event), pos)
  }

  #follow(pdu: Pdu, pos: number): void {
    const { type, state_key: userId, content } = pdu
    if (type !== 'm.room.member' || userId === undefined) return
    this.#names.set(userId, typeof content.displayname === 'string' ? content.displayname : undefined)
    if (content.membership !== 'join') this.#members.delete(userId)
    else if (!this.#members.has(userId)) {
      this.#members.set(userId, { joinedAt: pos, unthreaded: 0, scopes: new Map() })
    }
  }

  redact(eventId: string): void {
    for (const judged of this.events) if (judged.event.eventId === eventId) judged.redacted = true
  }

  read(userId: string, threadId: string | undefined, pos: number): void {
    const reader = this.#members.get(userId)
    if (reader === undefined) return
    if (threadId === undefined) reader.unthreaded = Math.max(reader.unthreaded, pos)
    else reader.scopes.set(threadId, Math.max(reader.scopes.get(threadId) ?? 0, pos))
  }

  /** Notifications and highlights by scope; scopes without any are absent. */
  unread(userId: string): Map<string, [number, number]> {
    const counts = new Map<string, [number, number]>()
    const reader = this.#members.get(userId)
    for (const { pos, event, verdicts, redacted } of reader ? this.events : []) {
      const scope = scopeOf(event)
      const verdict = verdicts.get(userId)
      if (reader === undefined || redacted || verdict?.notify !== true || pos <= reader.joinedAt) continue
      if (pos <= Math.max(reader.unthreaded, reader.scopes.get(scope) ?? 0)) continue
      const [n, h] = counts.get(scope) ?? [0, 0]
      counts.set(scope, [n + 1, h + (verdict.highlight ? 1 : 0)])
    }
    return counts
  }
}
