import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export type Page = string | Buffer | ((request: IncomingMessage, response: ServerResponse) => void)

export interface WebServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** What is served, by path; a string is HTML, bytes are a picture. */
  readonly pages: Map<string, Page>
  /** What is served at paths that are not among the pages. */
  otherwise?: (path: string) => Page | undefined
  /** The paths that were asked for, in order. */
  readonly asked: string[]
  stop(): Promise<void>
}

/** A web site on the loopback interface. */
export async function startWebServer(): Promise<WebServer> {
  const pages = new Map<string, Page>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const page = pages.get(path) ?? site.otherwise?.(path)
    if (typeof page === 'function') page(request, response)
    else if (page === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': typeof page === 'string' ? 'text/html' : 'image/png' }).end(page)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const site: WebServer = {
    url: `http://127.0.0.1:${address.port}`,
    pages,
    asked,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return site
}
