import { escapeHtml } from '../util/html.ts'
import { randomToken } from '../util/random.ts'

const style = `
:root { color-scheme: light dark; --bg: #f4f5f7; --card: #fff; --text: #1c2024; --soft: #60646c; --line: #cdced6;
  --accent: #0b6e4f; --on-accent: #fff; --bad: #b3261e; --bad-bg: #fdecea }
@media (prefers-color-scheme: dark) { :root { --bg: #111315; --card: #1b1e21; --text: #edeef0; --soft: #a0a6ad;
  --line: #3a3f45; --accent: #3ecf9a; --on-accent: #06281c; --bad: #ffb4ab; --bad-bg: #3b1512 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem; background: var(--bg);
  color: var(--text); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { width: 100%; overflow-wrap: anywhere; max-width: 26rem; background: var(--card); border-radius: 1rem; padding: 1.75rem;
  box-shadow: 0 1px 2px #0002, 0 8px 30px #0001 }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .5rem } p { margin: 0 0 1rem } .soft { color: var(--soft) }
label { display: block; font-weight: 600; margin: 1rem 0 .25rem } .hint { color: var(--soft); font-size: .9rem; margin: .25rem 0 0 }
input { width: 100%; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line);
  border-radius: .6rem; padding: .65rem .75rem } input:focus-visible, button:focus-visible, a:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px }
.affix { display: flex; align-items: center; border: 1px solid var(--line); border-radius: .6rem; padding-inline: .75rem }
.affix:focus-within { outline: 3px solid var(--accent); outline-offset: 2px }
.affix input { border: 0; outline: 0 !important; padding-inline: .15rem; min-width: 5rem; flex: 1 1 6rem; width: 6rem } .affix span { color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
button { width: 100%; margin-top: 1.5rem; font: inherit; font-weight: 600; color: var(--on-accent);
  background: var(--accent); border: 0; border-radius: .6rem; padding: .75rem; cursor: pointer }
.bad { color: var(--bad); background: var(--bad-bg); border-radius: .6rem; padding: .6rem .75rem; margin: 0 0 1rem }
a.button { display: block; margin-top: 1rem; text-align: center; text-decoration: none; font-weight: 600; color: var(--on-accent);
  background: var(--accent); border-radius: .6rem; padding: .75rem }
.check { display: flex; gap: .5rem; align-items: center } .check input { width: auto }
code { font-size: .95em; overflow-wrap: anywhere } ul { padding-left: 1.2rem } a { color: var(--accent) }
`

/** A page around `body`, which is HTML already. Nothing is loaded from elsewhere. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`
}

/** What went wrong, above a form; nothing where nothing did. */
export function problem(text: string | undefined): string {
  return text === undefined ? '' : `<p class="bad" role="alert">${escapeHtml(text)}</p>`
}

/** A page that only says something. */
export function messagePage(title: string, text: string): string {
  return page(title, `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p>`)
}

/** An inline script, and the headers that let this one run. */
export function inlineScript(code: string): { tag: string; headers: Record<string, string> } {
  const nonce = randomToken(12)
  return {
    tag: `<script nonce="${nonce}">${code}</script>`,
    headers: {
      'Content-Security-Policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    },
  }
}
