/** A browser for tests: it keeps cookies and follows redirects until it leaves the loopback interface. */
import { noteAnswer } from './contract.ts'

export interface Page {
  readonly status: number
  readonly text: string
  /** Where it ended; the address of a client, which is not opened. */
  readonly url: string
}

export interface TestBrowser {
  open(url: string): Promise<Page>
  /** Sends a form of a page: its hidden fields and those that are given. */
  submit(page: Page, fields?: Record<string, string>): Promise<Page>
}

export function createBrowser(): TestBrowser {
  const cookies = new Map<string, string>()

  async function go(url: string, init: RequestInit = {}): Promise<Page> {
    const { hostname, host } = new URL(url)
    if (hostname !== '127.0.0.1') return { status: 0, text: '', url }
    const cookie = [...cookies].flatMap(([name, value]) => (name.startsWith(`${host} `) ? [value] : [])).join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: cookie === '' ? {} : { cookie } })
    noteAnswer(init.method ?? 'GET', new URL(url).pathname, response.status)
    for (const line of response.headers.getSetCookie()) {
      const pair = line.split(';')[0] ?? ''
      cookies.set(`${host} ${pair.split('=')[0]}`, pair)
    }
    const location = response.headers.get('location')
    const text = await response.text()
    if (location === null) return { status: response.status, text, url }
    return go(new URL(location, url).href === location ? location : new URL(location, url).href)
  }

  return {
    open: (url) => go(url),
    submit: (page, fields = {}) => {
      const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
        ([, name = '', value = '']) => [name, value] as [string, string],
      )
      const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...fields })
      const action = /<form method="post" action="([^"]*)"/.exec(page.text)?.[1] ?? page.url
      return go(new URL(action, page.url).href, { method: 'POST', body })
    },
  }
}
