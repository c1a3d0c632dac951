import { timeOfDay, wallTime } from '../../../util/clock.ts'
import { escapeHtml } from '../../../util/html.ts'
import type { InboxNote } from '../notes/inbox.ts'
import { inMinutes, type Wording } from '../prompts/prompt-text.ts'

const symbols = { voice: '🎙', video: '🎥' }

/** A list of notes, each with the number by which it is played. */
export function inboxText(notes: readonly InboxNote[]): Wording {
  const lines = notes.map((note) => {
    const { number, kind, senderName, sentTs, durationMs, state, isKept, words } = note
    const isNew = state !== 'played' && state !== 'deleted'
    const facts = [`${wallTime(sentTs)?.day ?? ''} ${timeOfDay(sentTs)}`, inMinutes(durationMs)]
    if (state === 'deleted') facts.push('deleted')
    else if (isKept) facts.push('kept')
    const said = words === undefined ? '' : ` “${words}”`
    return {
      text: `${number}. ${isNew ? '● ' : ''}${symbols[kind]} ${senderName} (${facts.join(', ')})${said}`,
      html: `${number}. ${isNew ? '● ' : ''}${symbols[kind]} <b>${escapeHtml(senderName)}</b> (${facts.join(', ')})${escapeHtml(said)}`,
    }
  })
  return { text: lines.map(({ text }) => text).join('\n'), html: lines.map(({ html }) => html).join('<br>') }
}
