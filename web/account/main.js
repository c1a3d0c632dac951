import { runPage } from '../shared/shell.js'
import { createCallLog } from './calls.js'
import { createDevices } from './devices.js'
import { createPrompts } from './prompts.js'
import { createSettings } from './settings.js'

runPage({
  title: 'Your account',
  deviceName: 'Account page',
  other: { href: '/inbox', text: 'Notes' },
  build: ({ session, api, names }) => {
    const prompts = createPrompts()
    const calls = createCallLog({ api, names })
    const settings = createSettings({ api, names, userId: session.userId, peers: calls.peers })
    const devices = createDevices({ api, session })
    void settings.load()
    void devices.load()
    return {
      elements: [calls.element, settings.element, devices.element, prompts.element],
      load: () => void calls.load(),
      onFrame: (frame) => {
        if (frame.type === 'call') calls.add(frame)
        if (frame.type === 'note') calls.addNote(frame)
        if (frame.type === 'prompt') prompts.show(frame)
      },
    }
  },
})
