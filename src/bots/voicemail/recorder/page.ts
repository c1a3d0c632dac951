import { messagePage } from '../../../accounts/pages-layout.ts'
import { html, type Reply, reply } from '../../../http/reply.ts'
import { webPage } from '../../../http/web-page.ts'
import type { RecorderView } from './recorder.ts'

/** What the script of the page is told. */
function dataOf({ link, remainingMs, largest, canConvert }: RecorderView) {
  const { kind, peerName, greeting, maxLengthMs } = link
  return {
    kind,
    peerName,
    maxLengthMs,
    remainingMs,
    largest: { ...largest },
    canConvert,
    ...(greeting !== undefined && { greeting }),
  }
}

/** The page on which a note is recorded: the only one that may use microphone and camera. */
export function recorderPage(view: RecorderView): Reply {
  const { status, body, headers } = webPage({
    title: 'Leave a note',
    module: 'recorder/main.js',
    style: 'recorder/recorder.css',
    data: dataOf(view),
  })
  return reply(status, body, { ...headers, 'Permissions-Policy': 'microphone=(self), camera=(self)' })
}

/** Also for links that never were: nobody learns the difference. */
export function deadLinkPage(): Reply {
  return html(
    messagePage(
      'This link does not work any more',
      'It has been used, or its time is over. Each link is good for one note and for a few minutes. You can call again, or write a message in your chat app.',
    ),
    403,
  )
}
