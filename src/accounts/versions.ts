/** Versions of the specification that clients may go by. */
export const specVersions: readonly string[] = [
  'r0.6.1',
  ...Array.from({ length: 19 }, (_, minor) => `v1.${minor + 1}`),
]

/** What is offered beyond those versions, under the names that clients look for; features add theirs. */
export const unstableFeatures: Record<string, boolean> = {
  'org.matrix.e2e_cross_signing': true,
  'org.matrix.msc3391': true,
  'org.matrix.msc4306': true,
  'org.matrix.msc3881': true,
  'org.matrix.msc3916.stable': true,
  'org.matrix.simplified_msc3575': true,
  'uk.tcpip.msc4133': true,
  'uk.tcpip.msc4133.stable': true,
  'uk.half-shot.msc2666.query_mutual_rooms': true,
  'uk.half-shot.msc2666.query_mutual_rooms.stable': true,
  'org.matrix.msc4155': true,
  'org.matrix.msc4380.stable': true,
  'uk.timedout.msc4323': true,
  'org.matrix.msc4354': true,
  'io.element.e2ee_forced.public': false,
  'io.element.e2ee_forced.private': false,
  'io.element.e2ee_forced.trusted_private': false,
}
