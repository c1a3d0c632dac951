import { BlockList, isIPv4, isIPv6 } from 'node:net'

const notPublic4 = new BlockList()
const special4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
for (const range of special4) addRange(notPublic4, range, 'ipv4')

// Only 2000::/3 is global unicast, so everything else (loopback, link-local, unique local, multicast, mapped IPv4, NAT64)
// is refused without being listed.
const global6 = new BlockList()
addRange(global6, '2000::/3', 'ipv6')
// Inside it: protocol assignments with Teredo, documentation (twice), and 6to4, which wraps any IPv4 address.
const notPublic6 = new BlockList()
for (const range of ['2001::/23', '2001:db8::/32', '3fff::/20', '2002::/16']) addRange(notPublic6, range, 'ipv6')

function addRange(list: BlockList, range: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', prefix = ''] = range.split('/')
  list.addSubnet(address, Number(prefix), family)
}

/** Whether an IP address can be reached over the public internet, so that it is no machine of our own network. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !notPublic4.check(address, 'ipv4')
  if (!isIPv6(address) || address.includes('%')) return false
  return global6.check(address, 'ipv6') && !notPublic6.check(address, 'ipv6')
}

/** What one subscriber is given, and can take addresses from at will: an IPv4 address, or the /64 of an IPv6 address. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const left = head.split(':').filter((group) => group !== '')
  const right = tail?.split(':') ?? []
  const zeros = tail === undefined ? 0 : 4 - left.length - Math.max(0, right.length - 4)
  const groups = [...left, ...Array<string>(Math.max(0, zeros)).fill('0'), ...right].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
