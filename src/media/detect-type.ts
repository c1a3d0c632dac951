/** The media type that the first bytes of a file show; undefined for plain text, encrypted files and the unknown. */
export async function detectType(head: Uint8Array): Promise<string | undefined> {
  // Loaded when the first file comes: it knows hundreds of formats, and a server may run for long without any.
  const { fileTypeFromBuffer } = await import('file-type')
  return (await fileTypeFromBuffer(head))?.mime
}
