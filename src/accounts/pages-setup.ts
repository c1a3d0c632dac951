import { escapeHtml } from '../util/html.ts'
import { messagePage, page, problem } from './pages-layout.ts'

export interface SetupForm {
  readonly serverName: string
  readonly minPasswordLength: number
  /** What was typed before. */
  readonly name?: string
  readonly failure?: string
}

/** Asks the first person for a name and a password. */
export function setupPage({ serverName, minPasswordLength, name = '', failure }: SetupForm): string {
  return page(
    'Set up your server',
    `<h1>Welcome to your server</h1>
<p class="soft">Create the first account on <strong>${escapeHtml(serverName)}</strong>. It is the administrator's.</p>
${problem(failure)}
<form method="post">
<label for="name">Name</label>
<div class="affix"><span>@</span><input id="name" name="name" value="${escapeHtml(name)}" required autofocus maxlength="200"
  autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"><span>:${escapeHtml(serverName)}</span></div>
<p class="hint">Small letters, digits and . _ = - / +</p>
<label for="password">Password</label>
<input id="password" name="password" type="password" required minlength="${minPasswordLength}" autocomplete="new-password">
<p class="hint">At least ${minPasswordLength} characters.</p>
<label for="again">Password again</label>
<input id="again" name="again" type="password" required minlength="${minPasswordLength}" autocomplete="new-password">
<button>Create account</button>
</form>`,
  )
}

export function setupDonePage(userId: string, publicUrl: string): string {
  return page(
    'Your server is ready',
    `<h1>Your server is ready</h1>
<p>You are <strong>${escapeHtml(userId)}</strong>, and you administer this server.</p>
<p>To chat, open a Matrix app such as Element, choose to log in with another homeserver, and enter</p>
<p><code>${escapeHtml(publicUrl)}</code></p>
<p>Your calls, devices and settings are at <a href="/account">your account</a>.</p>
<p class="soft">This link has done its work and cannot be used again.</p>`,
  )
}

export function setupExpiredPage(): string {
  return messagePage(
    'This link does not work any more',
    'It has been used, or the server was started again since. As long as nobody has an account, the log of the server shows a new link after each start.',
  )
}
