import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { pushRuleKinds } from '../matrix/push-rule-types.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const base = '/_matrix/client/v3/pushrules'
const rulePath = `${base}/global/{kind}/{ruleId}` as const
const params = z.object({ kind: z.enum(pushRuleKinds), ruleId: z.string() })

const actions = z.array(z.union([z.string(), z.record(z.string(), z.json())]))
const condition = z.object({ kind: z.string() }).catchall(z.json())
const newRule = z.object({
  actions,
  conditions: z.array(condition).optional(),
  pattern: z.string().optional(),
})

/** The push rules of the requester. */
export function pushRuleRoutes({ db, push: { rules } }: Pick<AppContext, 'db' | 'push'>): Endpoint[] {
  return [
    endpoint(
      { method: 'GET', path: `${base}/`, auth: 'user', spec: `${spec}get_matrixclientv3pushrules` },
      ({ requester }) => db.read((reader) => rules.contentFor(reader, requester.userId)),
    ),
    endpoint(
      { method: 'GET', path: `${base}/global/`, auth: 'user', spec: `${spec}get_matrixclientv3pushrulesglobal` },
      ({ requester }) => db.read((reader) => rules.ruleset(reader, requester.userId)),
    ),
    endpoint(
      {
        method: 'GET',
        path: rulePath,
        auth: 'user',
        params,
        spec: `${spec}get_matrixclientv3pushrulesglobalkindruleid`,
      },
      ({ requester, params: { kind, ruleId } }) => rules.get(requester.userId, kind, ruleId),
    ),
    endpoint(
      {
        method: 'PUT',
        path: rulePath,
        auth: 'user',
        limit: 'general',
        params,
        query: z.object({ before: z.string().optional(), after: z.string().optional() }),
        body: newRule,
        spec: `${spec}put_matrixclientv3pushrulesglobalkindruleid`,
      },
      async ({ requester, params: { kind, ruleId }, query, body }) => {
        await rules.put(requester.userId, kind, ruleId, body, query)
        return {}
      },
    ),
    endpoint(
      {
        method: 'DELETE',
        path: rulePath,
        auth: 'user',
        params,
        spec: `${spec}delete_matrixclientv3pushrulesglobalkindruleid`,
      },
      async ({ requester, params: { kind, ruleId } }) => {
        await rules.delete(requester.userId, kind, ruleId)
        return {}
      },
    ),
    ...attributeRoutes({ push: { rules } }),
  ]
}

function attributeRoutes({ push: { rules } }: { push: Pick<AppContext['push'], 'rules'> }): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: `${rulePath}/enabled`,
        auth: 'user',
        params,
        spec: `${spec}get_matrixclientv3pushrulesglobalkindruleidenabled`,
      },
      async ({ requester, params: { kind, ruleId } }) => ({
        enabled: (await rules.get(requester.userId, kind, ruleId)).enabled,
      }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: `${rulePath}/enabled`,
        auth: 'user',
        params,
        body: z.object({ enabled: z.boolean() }),
        spec: `${spec}put_matrixclientv3pushrulesglobalkindruleidenabled`,
      },
      async ({ requester, params: { kind, ruleId }, body }) => {
        await rules.setEnabled(requester.userId, kind, ruleId, body.enabled)
        return {}
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: `${rulePath}/actions`,
        auth: 'user',
        params,
        spec: `${spec}get_matrixclientv3pushrulesglobalkindruleidactions`,
      },
      async ({ requester, params: { kind, ruleId } }) => ({
        actions: (await rules.get(requester.userId, kind, ruleId)).actions,
      }),
    ),
    endpoint(
      {
        method: 'PUT',
        path: `${rulePath}/actions`,
        auth: 'user',
        params,
        body: z.object({ actions }),
        spec: `${spec}put_matrixclientv3pushrulesglobalkindruleidactions`,
      },
      async ({ requester, params: { kind, ruleId }, body }) => {
        await rules.setActions(requester.userId, kind, ruleId, body.actions)
        return {}
      },
    ),
  ]
}
