import type { JsonObject } from '../../../matrix/event.ts'
import { timeOfDay } from '../../../util/clock.ts'
import { escapeHtml } from '../../../util/html.ts'
import type { CallKind, PromptReason } from '../../../voip/calls/types.ts'

export interface CallInWords {
  readonly peerName: string
  readonly reason: PromptReason
  /** When the call began, in ms since 1970. */
  readonly calledTs: number
}

export interface Choices {
  readonly kind: CallKind
  /** Undefined: the recorder cannot be used for this conversation. */
  readonly links: { readonly voice: string; readonly video: string } | undefined
  /** Opens the conversation itself. Undefined where that is no better than the rest. */
  readonly conversation: string | undefined
  readonly minutes: number
  readonly maxSeconds: number
  readonly greeting: string | undefined
}

/** A message as text and as HTML. */
export interface Wording {
  readonly text: string
  readonly html: string
}

const reasons: Readonly<Record<PromptReason, string>> = {
  timeout: "didn't answer",
  cancelled: "didn't answer",
  busy: 'is in another call',
  declined: "can't take the call",
}
const symbols = { voice: '🎙', video: '🎥' }
const labels = { voice: 'Voice note', video: 'Video note' }

/** `📵 Bob didn't answer (14:02)` */
export function callInWords({ peerName, reason, calledTs }: CallInWords): Wording {
  const rest = `${reasons[reason]} (${timeOfDay(calledTs)})`
  return { text: `📵 ${peerName} ${rest}`, html: `📵 <b>${escapeHtml(peerName)}</b> ${escapeHtml(rest)}` }
}

/** Asks the caller for a note, the kind of the call first. */
export function promptWording(call: CallInWords, choices: Choices): Wording {
  const { links, conversation, kind, minutes, maxSeconds, greeting } = choices
  const said = callInWords(call)
  const lines: Wording[] = [{ text: `${said.text}.`, html: `${said.html}.` }]
  if (greeting !== undefined)
    lines.push({ text: `“${greeting}”`, html: `<blockquote>${escapeHtml(greeting)}</blockquote>` })
  if (conversation !== undefined) {
    const label = 'Open the chat and record there'
    lines.push({
      text: `🔒 ${label}, so that it stays encrypted: ${conversation}`,
      html: `🔒 <a href="${escapeHtml(conversation)}">${label}</a>, so that it stays encrypted`,
    })
  }
  if (links !== undefined) {
    const order = kind === 'voice' ? (['voice', 'video'] as const) : (['video', 'voice'] as const)
    const secrecy = conversation === undefined ? '' : ' (not end-to-end encrypted)'
    lines.push({
      text: order.map((one) => `${symbols[one]} ${labels[one]}${secrecy}: ${links[one]}`).join('\n'),
      html: order
        .map((one) => `${symbols[one]} <a href="${escapeHtml(links[one])}">${labels[one]}</a>${secrecy}`)
        .join(' · '),
    })
    const hint = `Or just send a voice message here in the next ${minutes} min, of at most ${maxSeconds} s.`
    lines.push({ text: hint, html: hint })
  }
  return { text: lines.map(({ text }) => text).join('\n'), html: lines.map(({ html }) => html).join('<br>') }
}

export function textContent({ text, html }: Wording, more: JsonObject = {}): JsonObject {
  return { msgtype: 'm.text', body: text, format: 'org.matrix.custom.html', formatted_body: html, ...more }
}

/** `0:21` */
export function inMinutes(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

export interface SentNoteInWords {
  readonly kind: CallKind
  readonly durationMs: number
  readonly playedTs: number | undefined
}

/** What stands in the place of a prompt once it is of no use any more. */
export function endedWording(call: CallInWords, end: SentNoteInWords | 'expired' | 'overtaken' | 'dismissed'): Wording {
  const said = callInWords(call)
  const add = (text: string) => ({ text: `${said.text}. ${text}`, html: `${said.html}. ${escapeHtml(text)}` })
  if (end === 'expired') return add('⌛ The time to leave a note is over.')
  if (end === 'overtaken') return add('📞 There has been another call since.')
  if (end === 'dismissed') return add('You did not want to leave a note.')
  const played = end.playedTs === undefined ? '' : ` · ▶ played ${timeOfDay(end.playedTs)}`
  return add(`✅ ${labels[end.kind]} sent (${inMinutes(end.durationMs)})${played}`)
}
