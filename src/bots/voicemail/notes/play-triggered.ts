/**
 * Whether a client downloads a voice message only when somebody plays it. Others do so as soon as it is on the screen.
 * https://github.com/element-hq/element-x-android, https://github.com/krille-chan/fluffychat
 */
export function playsWhatItFetches(userAgent: string | undefined): boolean {
  return userAgent !== undefined && /element ?x|fluffychat/i.test(userAgent)
}
