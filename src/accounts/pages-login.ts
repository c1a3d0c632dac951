import { inlineScript, page } from './pages-layout.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#login-fallback: tells the app through `window.onLogin`. */
const script = `
const form = document.querySelector('form'), failure = document.querySelector('.bad'), query = new URLSearchParams(location.search)
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: form.name.value.trim() }, password: form.password.value }
  for (const key of ['device_id', 'initial_device_display_name']) if (query.get(key)) body[key] = query.get(key)
  failure.hidden = true
  try {
    const response = await fetch('/_matrix/client/v3/login', { method: 'POST', body: JSON.stringify(body) })
    const answer = await response.json()
    if (!response.ok) throw new Error(answer.error)
    const done = (window.matrixLogin && window.matrixLogin.onLogin) || window.onLogin
    if (done) done(answer)
    form.hidden = true
    document.querySelector('h1').textContent = 'You are logged in'
  } catch (error) {
    failure.textContent = error.message || 'That did not work'
    failure.hidden = false
  }
})`

export function loginPage(): { page: string; headers: Record<string, string> } {
  const { tag, headers } = inlineScript(script)
  const body = `<h1>Log in</h1>
<p class="bad" role="alert" hidden></p>
<form>
<label for="name">Name</label>
<input id="name" name="name" required autofocus autocomplete="username" autocapitalize="none" spellcheck="false">
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<button>Log in</button>
</form>
<noscript><p>This page needs JavaScript.</p></noscript>
${tag}`
  return { page: page('Log in', body), headers }
}
