import type { AccountsSchema } from './schema/accounts.ts'
import type { AdminSchema } from './schema/admin.ts'
import type { AppservicesSchema } from './schema/appservices.ts'
import type { BotsSchema } from './schema/bots.ts'
import type { CallsSchema } from './schema/calls.ts'
import type { CoreSchema } from './schema/core.ts'
import type { DiscoverySchema } from './schema/discovery.ts'
import type { E2eeSchema } from './schema/e2ee.ts'
import type { FederationKeysSchema } from './schema/federation-keys.ts'
import type { FederationSenderSchema } from './schema/federation-sender.ts'
import type { IdentitySchema } from './schema/identity.ts'
import type { IngestSchema } from './schema/ingest.ts'
import type { LiveSchema } from './schema/live.ts'
import type { LivekitSchema } from './schema/livekit.ts'
import type { MediaSchema } from './schema/media.ts'
import type { MediaAdminSchema } from './schema/media-admin.ts'
import type { MediaFactsSchema } from './schema/media-facts.ts'
import type { PeopleSchema } from './schema/people.ts'
import type { PurgesSchema } from './schema/purges.ts'
import type { PushSchema } from './schema/push.ts'
import type { RoomsSchema } from './schema/rooms.ts'
import type { SlidingSyncSchema } from './schema/sliding-sync.ts'
import type { StickySchema } from './schema/sticky.ts'
import type { VoicemailLinksSchema } from './schema/voicemail-links.ts'
import type { VoipSchema } from './schema/voip.ts'

/** Every table, as kysely sees it. Columns are those that `migrations/` make; a test compares the two. */
export interface Schema
  extends CoreSchema,
    AccountsSchema,
    CallsSchema,
    AdminSchema,
    RoomsSchema,
    DiscoverySchema,
    PeopleSchema,
    MediaSchema,
    MediaFactsSchema,
    MediaAdminSchema,
    IdentitySchema,
    E2eeSchema,
    PushSchema,
    PurgesSchema,
    AppservicesSchema,
    BotsSchema,
    SlidingSyncSchema,
    VoipSchema,
    StickySchema,
    FederationKeysSchema,
    FederationSenderSchema,
    IngestSchema,
    VoicemailLinksSchema,
    LiveSchema,
    LivekitSchema {}
