/** The server's own pages in a browser, for whoever has an account. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { password, type TestServer } from './server.ts'

export interface OpenedPage {
  readonly page: Page
  /** Requests to others, and whatever the browser complained about. */
  readonly faults: string[]
}

/** Opens a page of the server in a browser profile of its own. */
export async function openPage(
  browser: Browser,
  server: TestServer,
  path: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const page = await (await browser.newContext(options)).newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    // The status of an answer that the page expects is an error for the console.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text())
  })
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${server.url}/`) && !/^(?:data|blob):/.test(url)) faults.push(url)
  })
  await page.goto(server.url + path)
  return { page, faults }
}

export async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** What can be used, but has no name for people who do not see the screen. */
export function unnamed(page: Page): Promise<unknown> {
  return page.evaluate(`[...document.querySelectorAll('input:not([hidden]), select, textarea, button, a')]
    .filter((it) => !(it.labels?.length || it.ariaLabel || it.textContent.trim()))
    .map((it) => it.outerHTML)`)
}

/** By how many pixels a page is wider than the screen. */
export async function overflow(page: Page): Promise<number> {
  return Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
}
