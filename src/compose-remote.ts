import type { Accounts } from './accounts/accounts.ts'
import type { Core } from './context.ts'
import type { FederationClient } from './federation/client/federation-client.ts'
import { RemoteError } from './federation/client/ports.ts'
import { downloadMedia } from './federation/client/requests-media.ts'
import { queryProfile } from './federation/client/requests-queries.ts'
import { errors } from './matrix/errors.ts'
import { serverOf } from './matrix/ids.ts'
import { fileNameOf } from './media/disposition.ts'
import type { Media } from './media/media.ts'
import { FetchError } from './util/fetch-error.ts'

/** Has features on the left ask other servers for what is theirs. */
export function composeRemote(
  { outbound }: Pick<Core, 'outbound'>,
  { transport }: FederationClient,
  { accounts, media }: { accounts: Accounts; media: Media },
): void {
  accounts.useRemoteProfiles(async (userId, field) => {
    try {
      return await queryProfile(transport, serverOf(userId), userId, field)
    } catch (error) {
      if (error instanceof RemoteError && error.status === 404) return undefined
      if (error instanceof RemoteError && error.status === 403) throw error
      if (!(error instanceof RemoteError || error instanceof FetchError)) throw error
      throw errors.connectionFailed()
    }
  })
  media.useRemoteMedia(async ({ origin, mediaId }, options) => {
    const found = await downloadMedia({ transport, fetch: outbound }, { origin, mediaId, ...options })
    return (
      found && {
        contentType: found.contentType,
        fileName: fileNameOf(found.disposition),
        body: found.body,
        isEphemeral: found.isEphemeral,
      }
    )
  })
}
