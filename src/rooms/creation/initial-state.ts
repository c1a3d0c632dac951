import type { JsonObject } from '../../matrix/event.ts'
import type { InitialState, Preset } from './request.ts'

interface PresetState {
  readonly joinRule: string
  readonly historyVisibility: string
  readonly guestAccess: string
}

/** https://spec.matrix.org/v1.19/client-server-api/#creation */
const presets: Readonly<Record<Preset, PresetState>> = {
  private_chat: { joinRule: 'invite', historyVisibility: 'shared', guestAccess: 'can_join' },
  trusted_private_chat: { joinRule: 'invite', historyVisibility: 'shared', guestAccess: 'can_join' },
  public_chat: { joinRule: 'public', historyVisibility: 'shared', guestAccess: 'forbidden' },
}

export function presetState(preset: Preset): InitialState[] {
  const { joinRule, historyVisibility, guestAccess } = presets[preset]
  return [
    { type: 'm.room.join_rules', stateKey: '', content: { join_rule: joinRule } },
    { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: historyVisibility } },
    { type: 'm.room.guest_access', stateKey: '', content: { guest_access: guestAccess } },
  ]
}

function topicContent(topic: string): JsonObject {
  return { topic, 'm.topic': { 'm.text': [{ body: topic }] } }
}

export function nameAndTopic(name: string | undefined, topic: string | undefined): InitialState[] {
  const state: InitialState[] = []
  if (name !== undefined) state.push({ type: 'm.room.name', stateKey: '', content: { name } })
  if (topic !== undefined) state.push({ type: 'm.room.topic', stateKey: '', content: topicContent(topic) })
  return state
}

/** Those of `state` that nothing in `later` replaces. */
export function notReplaced(state: readonly InitialState[], later: readonly InitialState[]): InitialState[] {
  const names = new Set(later.map(({ type, stateKey }) => `${type}\0${stateKey}`))
  return state.filter(({ type, stateKey }) => !names.has(`${type}\0${stateKey}`))
}
