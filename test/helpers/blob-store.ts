import type { BlobStore } from '../../src/media/blob-store.ts'

/** A store that does nothing; tests replace what they look at. */
export const emptyStore: BlobStore = {
  claim: async () => true,
  put: async () => {},
  open: async () => undefined,
  useFile: async () => undefined,
  sizeOf: async () => undefined,
  delete: async () => {},
  list: async function* () {},
  tidy: async () => {},
  abandon: async () => {},
  close: () => {},
}
