import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

/** A mail as the server took it. */
export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** As it came, header and body. */
  readonly raw: string
  readonly subject: string
  /** The plain text, decoded. */
  readonly text: string
  readonly html: string
}

export interface TestSmtp extends AsyncDisposable {
  readonly port: number
  /** The keys of the configuration's `mail` section that lead here. */
  readonly config: { host: string; port: number }
  readonly mails: ReceivedMail[]
  /** Answers every mail with this instead of taking it; undefined takes them again. */
  refuse(answer: { code: number; message: string } | undefined): void
}

/** A mail server on the loopback interface that keeps what it is sent. */
export async function createSmtp(
  options: { credentials?: { user: string; password: string }; tls?: { key: string; cert: string } } = {},
): Promise<TestSmtp> {
  const mails: ReceivedMail[] = []
  let refusal: { code: number; message: string } | undefined
  const { credentials, tls } = options
  const server = new SMTPServer({
    ...tls,
    authOptional: credentials === undefined,
    disabledCommands: [...(credentials ? [] : ['AUTH']), ...(tls ? [] : ['STARTTLS'])],
    allowInsecureAuth: true,
    closeTimeout: 100,
    logger: false,
    onAuth: ({ username, password }, _session, done) => {
      const isRight = username === credentials?.user && password === credentials?.password
      done(isRight ? null : Object.assign(new Error('wrong credentials'), { responseCode: 535 }), { user: username })
    },
    onRcptTo: (_address, _session, done) => {
      done(refusal && Object.assign(new Error(refusal.message), { responseCode: refusal.code }))
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom === false ? '' : mailFrom.address
        const to = rcptTo.map(({ address }) => address)
        mails.push({ from, to, ...parseMail(Buffer.concat(chunks).toString('utf8')) })
        done()
      })
    },
  })
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    port,
    config: { host: '127.0.0.1', port },
    mails,
    refuse: (answer) => {
      refusal = answer
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

function parseMail(raw: string): Pick<ReceivedMail, 'raw' | 'subject' | 'text' | 'html'> {
  const subject = /^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(raw)?.[1] ?? ''
  return { raw, subject: decodeWords(subject), text: partOf(raw, 'text/plain'), html: partOf(raw, 'text/html') }
}

/** RFC 2047 words in UTF-8. */
function decodeWords(text: string): string {
  return text
    .replace(/\?=\r\n[ \t]=\?/g, '?==?')
    .replace(/\r\n[ \t]/g, ' ')
    .replace(/=\?UTF-8\?([QB])\?(.*?)\?=/gi, (_all, kind: string, word: string) =>
      kind.toUpperCase() === 'B' ? Buffer.from(word, 'base64').toString() : unquote(word.replace(/_/g, ' ')),
    )
}

function partOf(raw: string, type: string): string {
  const start = raw.search(new RegExp(`^Content-Type: ${type}`, 'm'))
  if (start < 0) return ''
  const [head = '', ...rest] = raw.slice(start).split('\r\n\r\n')
  const body = rest.join('\r\n\r\n').split(/\r\n--/)[0] ?? ''
  if (/quoted-printable/i.test(head)) return unquote(body.replace(/=\r\n/g, ''))
  return /base64/i.test(head) ? Buffer.from(body, 'base64').toString() : body
}

function unquote(text: string): string {
  const bytes = text.replace(/=([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** The link in a mail. */
export function linkIn(mail: ReceivedMail | undefined): string {
  const link = /https?:\/\/\S+/.exec(mail?.text ?? '')?.[0]
  if (link === undefined) throw new Error(`no link in: ${mail?.text}`)
  return link
}
