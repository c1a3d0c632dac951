import { escapeHtml } from './html.ts'

/** What a mail says, in the order in which it is read. All of it is plain text. */
export interface MailText {
  readonly title: string
  readonly paragraphs: readonly string[]
  readonly groups?: readonly MailGroup[]
  /** A link that is shown as a button, and in full beneath it. */
  readonly action?: MailLink
  /** Small print at the end: why this mail came, and what to do when it was not asked for. */
  readonly footer?: readonly (string | MailLink)[]
}

export interface MailLink {
  readonly label: string
  readonly url: string
}

/** Lines about one thing, with a link to it. */
export interface MailGroup {
  readonly title: string
  /** `who` stands out. */
  readonly lines: readonly { readonly who: string; readonly text: string }[]
  readonly link: MailLink
}

/** The two forms of a mail. Nothing in them is loaded from anywhere. */
export function renderMail(mail: MailText): { text: string; html: string } {
  const { title, paragraphs, groups = [], action, footer = [] } = mail
  const text = [
    title,
    ...paragraphs,
    ...groups.map(groupText),
    ...(action ? [linkText(action)] : []),
    ...footer.map((item) => (typeof item === 'string' ? item : linkText(item))),
  ].join('\n\n')
  const button = action
    ? `<p style="margin:24px 0"><a href="${escapeHtml(action.url)}" style="display:inline-block;padding:12px 20px;border-radius:8px;background:#0b6e4f;color:#ffffff;font-weight:600;text-decoration:none">${escapeHtml(action.label)}</a></p>
<p style="font-size:13px;opacity:.75;word-break:break-all">${escapeHtml(action.url)}</p>
`
    : ''
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>${escapeHtml(title)}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:520px;margin:0 auto;overflow-wrap:anywhere">
<h1 style="font-size:22px;line-height:1.3;margin:0 0 12px">${escapeHtml(title)}</h1>
${paragraphs.map((line) => `<p style="margin:0 0 12px">${asLines(line)}</p>\n`).join('')}${groups.map(groupHtml).join('')}${button}${footer
  .map((item) => (typeof item === 'string' ? asLines(item) : anchor(item)))
  .map((content) => `<p style="margin:16px 0 0;font-size:13px;opacity:.75">${content}</p>\n`)
  .join('')}</div>
</body>
</html>
`
  return { text: `${text}\n`, html }
}

const linkText = ({ label, url }: MailLink): string => `${label}:\n${url}`

const anchor = ({ label, url }: MailLink): string => `<a href="${escapeHtml(url)}">${escapeHtml(label)}</a>`

function groupText({ title, lines, link }: MailGroup): string {
  return [title, ...lines.map(({ who, text }) => `  ${who}${text}`), `  ${link.label}: ${link.url}`].join('\n')
}

function groupHtml({ title, lines, link }: MailGroup): string {
  const rows = lines.map(
    ({ who, text }) => `<p style="margin:0 0 6px"><strong>${escapeHtml(who)}</strong>${escapeHtml(text)}</p>\n`,
  )
  return `<h2 style="font-size:17px;line-height:1.3;margin:20px 0 8px">${escapeHtml(title)}</h2>
${rows.join('')}<p style="margin:0 0 12px">${anchor(link)}</p>
`
}

function asLines(text: string): string {
  return escapeHtml(text).replace(/\n/g, '<br>')
}
