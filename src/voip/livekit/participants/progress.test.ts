import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ParticipantNews, type Progress, progressOf } from './progress.ts'

/** One connection after the other; each ends because the next takes its place, and the last perhaps for good. */
const history = fc
  .record({ sessions: fc.integer({ min: 1, max: 4 }), isOver: fc.boolean() })
  .map(({ sessions, isOver }) => {
    const news: ParticipantNews[] = []
    for (let i = 0; i < sessions; i++) {
      const session = { sid: `PA_${i}`, sessionTs: 1000 * (i + 1) }
      news.push({ ...session, what: 'joined', ts: session.sessionTs, reason: undefined })
      const isLast = i === sessions - 1
      if (!isLast) news.push({ ...session, what: 'left', ts: session.sessionTs + 990, reason: 'DUPLICATE_IDENTITY' })
      else if (isOver) news.push({ ...session, what: 'left', ts: session.sessionTs + 500, reason: 'CLIENT_INITIATED' })
    }
    return { news, isOver, last: `PA_${sessions - 1}` }
  })

const delivered = history.chain(({ news, ...rest }) =>
  fc.record({
    rest: fc.constant(rest),
    order: fc
      .tuple(fc.shuffledSubarray(news, { minLength: news.length }), fc.array(fc.nat(news.length - 1), { maxLength: 6 }))
      .chain(([once, again]) => {
        const all = [...once, ...again.flatMap((i) => news[i] ?? [])]
        return fc.shuffledSubarray(all, { minLength: all.length })
      }),
  }),
)

test('in whatever order and however often the news come, they end in the same', () => {
  fc.assert(
    fc.property(delivered, ({ rest: { isOver, last }, order }) => {
      let known: Progress = { phase: 'granted', sid: null, session_ts: 0 }
      let ends = 0
      for (const news of order) {
        const next = progressOf(known, news)
        if (next?.phase === 'left') ends++
        known = next ?? known
      }
      assert.deepEqual({ phase: known.phase, sid: known.sid }, { phase: isOver ? 'left' : 'joined', sid: last })
      assert.ok(ends <= 1)
    }),
  )
})

test('an end whose beginning was never told is the end all the same', () => {
  const left: ParticipantNews = { what: 'left', sid: 'PA_2', sessionTs: 2000, ts: 2500, reason: 'CONNECTION_TIMEOUT' }
  const ended = { phase: 'left', sid: 'PA_2', session_ts: 2000, phase_ts: 2500 }
  assert.deepEqual(progressOf({ phase: 'granted', sid: null, session_ts: 0 }, left), ended)
  assert.deepEqual(progressOf({ phase: 'joined', sid: 'PA_1', session_ts: 1000 }, left), ended)
})
