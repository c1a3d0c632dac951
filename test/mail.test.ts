import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { createMailer, type Mail, MailRefused, type MailServer } from '../src/util/mailer.ts'
import { createTestServer } from './helpers/server.ts'
import { createSmtp } from './helpers/smtp.ts'

const mail: Mail = { to: 'alice@example.org', subject: 'Hello', text: 'Hi\n', html: '<p>Hi</p>', id: 'abc' }

function serverAt(port: number, more: Partial<MailServer> = {}): MailServer {
  return {
    host: '127.0.0.1',
    port,
    encryption: 'auto',
    verifyCertificate: true,
    from: { name: 'Chat', address: 'chat@example.org' },
    heloName: 'example.org',
    ...more,
  }
}

test('a mail is a plain text and a page, from the configured sender', async () => {
  await using smtp = await createSmtp()
  const mailer = createMailer(serverAt(smtp.port))
  await mailer.send({ ...mail, text: 'Grüße\n', unsubscribeUrl: 'https://example.org/u?a=1' })
  const [got] = smtp.mails
  assert.deepEqual([got?.from, got?.to], ['chat@example.org', ['alice@example.org']])
  assert.match(got?.raw ?? '', /^From: Chat <chat@example\.org>\r$/m)
  assert.match(got?.raw ?? '', /^Message-ID: <abc@example\.org>\r$/im)
  assert.match(got?.raw ?? '', /^Auto-Submitted: auto-generated\r$/m)
  assert.match(got?.raw ?? '', /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m)
  assert.match(got?.raw ?? '', /^List-Unsubscribe: <https:\/\/example\.org\/u\?a=1>\r$/m)
  assert.match(got?.text ?? '', /Grüße/)
  assert.match(got?.html ?? '', /<p>Hi<\/p>/)
})

test('nothing that a mail is made from can add a header or a recipient', async () => {
  await using smtp = await createSmtp()
  const mailer = createMailer(serverAt(smtp.port, { from: { name: 'A\r\nX-Evil: 1', address: 'chat@example.org' } }))
  await mailer.send({ ...mail, subject: 'Hi\r\nBcc: eve@example.org\u2028x', id: 'a>\r\nX-Evil: 2' })
  const header = smtp.mails[0]?.raw.split('\r\n\r\n')[0] ?? ''
  assert.doesNotMatch(header, /^(x-evil|bcc)/im)
  assert.deepEqual(smtp.mails[0]?.to, ['alice@example.org'])
  for (const to of ['a@example.org, b@example.org', 'a@example.org\r\nRCPT TO:<b@example.org>', 'x', '']) {
    await assert.rejects(mailer.send({ ...mail, to }), MailRefused)
  }
  assert.equal(smtp.mails.length, 1)
})

test('what looks like a file or an address to fetch stays text', async () => {
  await using smtp = await createSmtp()
  const mailer = createMailer(serverAt(smtp.port))
  await mailer.send({ ...mail, html: '<img src="file:///etc/passwd"><img src="http://127.0.0.1:1/x">' })
  assert.doesNotMatch(smtp.mails[0]?.raw ?? '', /root:|Content-Disposition/)
})

test('the mail server is told who we are, and no password crosses a network in the clear', async () => {
  await using smtp = await createSmtp({ credentials: { user: 'u', password: 'p' } })
  await createMailer(serverAt(smtp.port, { user: 'u', password: 'p' })).send(mail)
  assert.equal(smtp.mails.length, 1)
  await assert.rejects(createMailer(serverAt(smtp.port, { user: 'u', password: 'wrong' })).send(mail), /535|wrong/)
  await assert.rejects(createMailer(serverAt(smtp.port, { encryption: 'starttls' })).send(mail), /STARTTLS/)
  await assert.rejects(createMailer(serverAt(smtp.port, { encryption: 'tls' })).send(mail))
  assert.equal(smtp.mails.length, 1)
})

test('a refusal for good is told from one for now', async () => {
  await using smtp = await createSmtp()
  const mailer = createMailer(serverAt(smtp.port))
  smtp.refuse({ code: 550, message: 'no such mailbox' })
  await assert.rejects(mailer.send(mail), MailRefused)
  smtp.refuse({ code: 451, message: 'try later' })
  await assert.rejects(mailer.send(mail), (error: Error) => !(error instanceof MailRefused))
})

test('a mail server that says nothing is given up when the server stops', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const address = silent.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const stop = new AbortController()
  silent.once('connection', (socket) => {
    socket.once('close', () => silent.close())
    stop.abort(new Error('stopping'))
    socket.destroy()
  })
  await assert.rejects(createMailer(serverAt(port)).send(mail, stop.signal), /stopping/)
})

test('a mail that the mail server takes while we stop counts as sent', async () => {
  await using smtp = await createSmtp()
  const stop = new AbortController()
  const sending = createMailer(serverAt(smtp.port)).send(mail, stop.signal)
  stop.abort(new Error('stopping'))
  await sending
  assert.equal(smtp.mails.length, 1)
  await assert.rejects(createMailer(serverAt(smtp.port)).send(mail, stop.signal), /stopping/)
  assert.equal(smtp.mails.length, 1)
})

test('queued mail is sent once, with its cause, and again until the mail server takes it', async () => {
  await using smtp = await createSmtp()
  const clock = createTestClock()
  await using server = await createTestServer({
    clock,
    config: { mail: { ...smtp.config, from: 'A B <x@example.org>' } },
  })
  const { mail: queue, db, jobs } = server.context
  const outgoing = {
    to: 'alice@example.org',
    subject: 'News',
    title: 'News <for> you',
    paragraphs: ['First', 'Second & last'],
    action: { label: 'Read', url: 'https://example.org/?a=1&b=2' },
  }
  smtp.refuse({ code: 451, message: 'try later' })
  await db.write('cause', (tx) => queue.enqueue(tx, outgoing))
  await assert.rejects(
    db.write('failing cause', async (tx) => {
      await queue.enqueue(tx, { ...outgoing, to: 'bob@example.org' })
      throw new Error('no')
    }),
  )
  await jobs.drain()
  assert.equal(smtp.mails.length, 0)
  smtp.refuse(undefined)
  clock.advance(2_000)
  await jobs.drain()
  await jobs.drain()
  assert.deepEqual(
    smtp.mails.map(({ to, subject, from }) => [to, subject, from]),
    [[['alice@example.org'], 'News', 'x@example.org']],
  )
  assert.match(smtp.mails[0]?.text ?? '', /^News <for> you\r?\n\r?\nFirst[\s\S]*https:\/\/example\.org\/\?a=1&b=2/)
  assert.match(smtp.mails[0]?.html ?? '', /News &#60;for&#62; you[\s\S]*href="https:\/\/example\.org\/\?a=1&#38;b=2"/)
  assert.doesNotMatch(smtp.mails[0]?.html ?? '', /<(img|link|script)|src=|url\(/)
})

test('a mail that is of no use any more is dropped, and so is one that is refused for good', async () => {
  await using smtp = await createSmtp()
  const clock = createTestClock()
  await using server = await createTestServer({ clock, config: { mail: smtp.config } })
  const { mail: queue, db, jobs } = server.context
  const outgoing = { to: 'a@example.org', subject: 's', title: 't', paragraphs: [] }
  smtp.refuse({ code: 451, message: 'try later' })
  await db.write('cause', (tx) => queue.enqueue(tx, { ...outgoing, expiresTs: clock.now() + 5_000 }))
  await jobs.drain()
  smtp.refuse(undefined)
  clock.advance(10_000)
  await jobs.drain()
  smtp.refuse({ code: 550, message: 'no' })
  await db.write('cause', (tx) => queue.enqueue(tx, outgoing))
  await jobs.drain()
  assert.equal(smtp.mails.length, 0)
  assert.equal(
    (await db.read((r) => r.qb.selectFrom('jobs').selectAll().where('kind', '=', 'mail').execute())).length,
    0,
  )
})

test('without a mail server nothing is queued', async () => {
  await using server = await createTestServer()
  const { mail: queue, db } = server.context
  assert.equal(queue.isConfigured, false)
  const outgoing = { to: 'a@example.org', subject: 's', title: 't', paragraphs: [] }
  await assert.rejects(
    db.write('cause', (tx) => queue.enqueue(tx, outgoing)),
    /sends no mail/,
  )
})
