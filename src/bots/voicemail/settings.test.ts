import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../matrix/event.ts'
import { isOpenAt, readHours } from './hours.ts'
import { readSettings, wantsPrompt, withSwitch } from './settings.ts'

test('what is absent or has another type counts as not said', () => {
  const wrong: JsonObject = { enabled: 'no', peers: [], notes_to_me: 0, greeting: 5, hours: 'always' }
  for (const content of [undefined, {} as JsonObject, wrong]) {
    const settings = readSettings(content)
    assert.ok(settings.isEnabled && settings.takesNotes && settings.keepsUnread)
    assert.ok(!settings.takesUnencrypted && settings.greeting === undefined && settings.hours === undefined)
    assert.equal(settings.sharesPlayed, undefined)
    assert.ok(wantsPrompt(settings, '@bob:b'))
  }
})

test('the choice for one callee counts before the general one', () => {
  const off = readSettings({ enabled: false, peers: { '@bob:b': true, '@eve:b': 'yes' } })
  assert.deepEqual(
    ['@bob:b', '@eve:b', '@carol:b'].map((peer) => wantsPrompt(off, peer)),
    [true, false, false],
  )
  assert.ok(!wantsPrompt(readSettings({ peers: { '@bob:b': false } }), '@bob:b'))
})

test('a switch changes nothing else', () => {
  const before = { greeting: 'Hi', peers: { '@a:a': false }, 'org.example': 1 }
  assert.deepEqual(withSwitch(before, false), { ...before, enabled: false })
  assert.deepEqual(withSwitch(before, true, '@b:b'), { ...before, peers: { '@a:a': false, '@b:b': true } })
  assert.deepEqual(withSwitch({ peers: 'x' }, false, '@b:b'), { peers: { '@b:b': false } })
})

test('business hours are those of a place', () => {
  const hours = readHours({ time_zone: 'America/New_York', mon: ['09:00-12:00', '13:00-17:00', '25:00-26:00', 7] })
  assert.ok(hours)
  const at = (time: string) => isOpenAt(hours, Date.parse(time))
  // 2026-11-23 is a Monday; New York is five hours behind.
  assert.deepEqual(
    ['13:59', '14:00', '16:59', '17:00', '18:00', '21:59', '22:00'].map((time) => at(`2026-11-23T${time}:00Z`)),
    [false, true, true, false, true, true, false],
  )
  assert.ok(!at('2026-11-24T15:00:00Z'))
  assert.equal(readHours({ time_zone: 'Mars/Base', mon: ['00:00-24:00'] })?.timeZone, undefined)
  assert.equal(readHours({ mon: ['17:00-09:00'] }), undefined, 'nothing is open')
})
