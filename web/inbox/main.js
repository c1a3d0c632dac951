import { runPage } from '../shared/shell.js'
import { createInbox } from './inbox.js'

runPage({
  title: 'Your voice and video notes',
  deviceName: 'Inbox page',
  other: { href: '/account', text: 'Account' },
  build: ({ api, names }) => {
    const inbox = createInbox({ api, names })
    return {
      elements: [inbox.element],
      load: () => void inbox.load(),
      onFrame: (frame) => {
        if (frame.type === 'note') inbox.add(frame)
      },
      leave: inbox.leave,
    }
  },
})
