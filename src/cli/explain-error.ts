// By name, so that explaining a typo does not load the database.
const expected = new Set(['ConfigError', 'SchemaError', 'StartupError', 'UsageError', 'MatrixError', 'BlobStoreError'])

/** Whether an error was made for the person at the keyboard, as opposed to one from the system or a fault of ours. */
export function isExpected(error: unknown): boolean {
  return error instanceof Error && expected.has(error.name)
}

/** One sentence for the person at the keyboard that says what went wrong and, where we know it, what to do. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (isExpected(error)) return error.message
  const {
    code = '',
    address,
    port,
    path,
    syscall,
  } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  const where = path ? ` ${path}` : ''
  switch (code) {
    case 'EADDRINUSE':
      return `Another program already listens on ${address}:${port}; stop it, or set another port in listeners.`
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${address}; correct the host in listeners.`
    case 'EACCES':
    case 'EPERM':
      if (syscall === 'listen') {
        return `Port ${port} may only be used by the administrator; set one above 1023 in listeners.`
      }
      return `The file or folder${where} may not be used by this user; change its owner or permissions.`
    case 'EEXIST':
    case 'ENOTDIR':
      return `${path} is not a folder; set data_dir to one.`
    case 'EROFS':
      return `The file system of${where} is read-only; set data_dir to a folder that can be written.`
    case 'ENOSPC':
    case 'EDQUOT':
    case 'SQLITE_FULL':
      return 'The disk is full; free some space and start again.'
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return 'The database is locked by another program; stop it and start again.'
    case 'SQLITE_NOTADB':
    case 'SQLITE_CORRUPT':
      return 'The database file is damaged or no database; restore it from a backup.'
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
      return `The database server${address ? ` at ${address}:${port}` : ''} cannot be reached; check database.url.`
    case '28P01':
    case '28000':
      return 'PostgreSQL refuses the user or password of database.url.'
    case '3D000':
      return 'The database that database.url names does not exist; create it first.'
  }
  if (/^SQLITE_(READONLY|CANTOPEN)/.test(code)) {
    return 'The database cannot be opened for writing; check the permissions of its folder.'
  }
  return `Something unexpected went wrong: ${error.message || code || error.name}`
}
