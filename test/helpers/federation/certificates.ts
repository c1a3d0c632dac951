/** A private certificate authority, made with openssl. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  /** PEM. */
  readonly cert: string
  readonly key: string
}

export interface Authority extends Disposable {
  /** For `federation.extra_ca_file`. */
  readonly caFile: string
  readonly ca: string
  /** A certificate for host names and IP addresses. */
  issue(...names: string[]): Certificate
}

export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-ca-'))
  const inFolder = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=Test CA')
  let count = 0
  return {
    caFile: inFolder('ca.pem'),
    ca: readFileSync(inFolder('ca.pem'), 'utf8'),
    issue: (...names) => {
      const name = `server${++count}`
      const alternatives = names.map((item) => `${isIP(item) ? 'IP' : 'DNS'}:${item}`).join(',')
      writeFileSync(inFolder(`${name}.ext`), `subjectAltName=${alternatives}\n`)
      openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
      const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30']
      openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-extfile', `${name}.ext`, '-out', `${name}.pem`)
      const [certFile, keyFile] = [inFolder(`${name}.pem`), inFolder(`${name}.key`)]
      return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
