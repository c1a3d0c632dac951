import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Day, days, readHours } from './hours.ts'
import { hoursInWords, parseHours } from './hours-text.ts'

const hoursOf = (text: string, before?: object) => {
  const written = parseHours(text, before && readHours({ ...before }))
  assert.ok('hours' in written, JSON.stringify(written))
  return written.hours
}
const problemOf = (text: string) => {
  const written = parseHours(text, undefined)
  return 'problem' in written ? written.problem : undefined
}

test('hours are read as people write them', () => {
  const office = { mon: ['09:00-12:00', '13:00-17:00'], tue: ['09:00-12:00', '13:00-17:00'], sat: ['10:00-14:30'] }
  assert.deepEqual(hoursOf('mon-tue 9-12 13:00–17:00, Saturday 10:00-14:30 Europe/Berlin'), {
    time_zone: 'Europe/Berlin',
    ...office,
  })
  assert.deepEqual(hoursOf('Mon Tue 9:00-12:00, 13-17; sat 10-14:30'), office)
  assert.deepEqual(Object.keys(hoursOf('fri-mon 0-24')), ['fri', 'sat', 'sun', 'mon'])
  assert.deepEqual(Object.keys(hoursOf('daily 8-20 UTC')), ['time_zone', ...days])
  const before = { time_zone: 'Asia/Tokyo', sun: ['00:00-01:00'] }
  assert.deepEqual(hoursOf('mon 9-17', before), { time_zone: 'Asia/Tokyo', mon: ['09:00-17:00'] })
  assert.deepEqual(hoursOf('mon 9-17 UTC', before), { time_zone: 'UTC', mon: ['09:00-17:00'] })
})

test('what is no business hour is named', () => {
  assert.match(problemOf('mon 22:00-06:00') ?? '', /^22:00-06:00 ends before it begins/)
  assert.match(problemOf('9-17') ?? '', /^Say before 9-17 on which days/)
  for (const wrong of ['mon 9-25', 'mon 9:60-10', 'mon 9-17 Europe/Nowhere', 'noon 9-17', 'mon nine-five', '+02:00'])
    assert.match(problemOf(wrong) ?? '', /^I do not understand “\S+”/, wrong)
  for (const nothing of ['', 'mon', 'Europe/Berlin'])
    assert.match(problemOf(nothing) ?? '', /^Write hours like/, nothing)
})

test('what is said of hours is read as the same hours', () => {
  const span = fc.tuple(fc.integer({ min: 0, max: 1439 }), fc.integer({ min: 1, max: 1440 })).filter(([a, b]) => a < b)
  const time = (n: number) => `${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}`
  const week = fc.dictionary(
    fc.constantFrom<Day>(...days),
    fc.array(
      span.map(([from, to]) => `${time(from)}-${time(to)}`),
      { minLength: 1, maxLength: 3 },
    ),
    { minKeys: 1 },
  )
  fc.assert(
    fc.property(week, fc.constantFrom('UTC', 'Europe/Berlin', 'America/Argentina/Ushuaia'), (open, zone) => {
      const hours = readHours({ time_zone: zone, ...open })
      assert.ok(hours)
      assert.deepEqual(readHours(hoursOf(hoursInWords(hours))), hours)
    }),
  )
})
