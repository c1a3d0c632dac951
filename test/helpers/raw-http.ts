import { connect } from 'node:net'

/** Sends bytes as they are and resolves with all that came back until the server closed, or hangs up at once. */
export async function sendRaw(baseUrl: string, request: string, { hangUp = false } = {}): Promise<string> {
  const { hostname, port } = new URL(baseUrl)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  // The server may close while we still write.
  socket.on('error', () => {})
  socket.write(request, () => hangUp && socket.destroy())
  await closed
  return answer
}
