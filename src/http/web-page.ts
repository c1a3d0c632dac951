import type { JsonObject } from '../matrix/event.ts'
import { escapeHtml } from '../util/html.ts'
import { html, type Reply } from './reply.ts'

/** Where the files of `web/` are served. */
export const webFolder = '/_ringback/web'

export interface WebPage {
  readonly title: string
  /** The script that fills the page, such as `account/main.js`. */
  readonly module: string
  /** Another style sheet beside the shared one, such as `account/account.css`. */
  readonly style?: string
  /** What the script is told; it finds it with `pageData()` of `shared/dom.js`. */
  readonly data?: JsonObject
  /** HTML that stands there until the script runs. */
  readonly body?: string
  readonly status?: number
}

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; img-src 'self' blob: data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

/** A page whose scripts and styles come from `web/`: it runs, shows and asks nothing that is not of this server. */
export function webPage({ title, module, style, data, body = '', status = 200 }: WebPage): Reply {
  const sheets = ['shared/style.css', ...(style === undefined ? [] : [style])]
  const text = data === undefined ? undefined : JSON.stringify(data).replaceAll('<', '\\u003c')
  return html(
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${webFolder}/shared/icon.svg">
${sheets.map((sheet) => `<link rel="stylesheet" href="${webFolder}/${sheet}">`).join('\n')}
<script type="module" src="${webFolder}/${module}"></script>
</head>
<body>
<main id="main">${body}</main>
<noscript><p class="notice">This page needs JavaScript.</p></noscript>
${text === undefined ? '' : `<script type="application/json" id="data">${text}</script>\n`}</body>
</html>
`,
    status,
    { 'Content-Security-Policy': policy },
  )
}
