import { escapeHtml } from '../../util/html.ts'
import type { BotCommand } from './bot.ts'

/** Tells what a bot can be asked. */
export function helpText(commands: readonly BotCommand[], isDirect: boolean): { text: string; html: string } {
  const sign = isDirect ? '' : '!'
  const lines = commands.map(({ name, usage, help }) => ({
    call: `${sign}${name}${usage === undefined ? '' : ` ${usage}`}`,
    help,
  }))
  return {
    text: lines.map(({ call, help }) => `${call}: ${help}`).join('\n'),
    html: `<ul>${lines.map(({ call, help }) => `<li><code>${escapeHtml(call)}</code> ${escapeHtml(help)}</li>`).join('')}</ul>`,
  }
}
