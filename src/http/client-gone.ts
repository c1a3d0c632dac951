/** The client went away in the middle of its request: nobody is there to be answered. */
export class ClientGoneError extends Error {
  override name = 'ClientGoneError'
}
