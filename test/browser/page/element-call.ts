import { ClientEvent, RoomStateEvent } from 'matrix-js-sdk'
import { ClientWidgetApi, Widget } from 'matrix-widget-api'
import type { WidgetApi } from '../page-api.ts'
import { client } from './client.ts'
import { CallWidgetDriver } from './widget-driver.ts'

/** What Element Call tells its host. */
const told = [
  'set_always_on_screen',
  'io.element.join',
  'io.element.device_mute',
  'io.element.close',
  'im.vector.hangup',
]

export const widget: WidgetApi = {
  openElementCall: async (roomId, intent) => {
    const creatorUserId = client().getUserId() ?? ''
    const parameters = {
      widgetId: 'call',
      parentUrl: location.origin,
      roomId,
      userId: creatorUserId,
      deviceId: client().getDeviceId() ?? '',
      baseUrl: client().baseUrl,
      intent,
      skipLobby: 'true',
      confineToRoom: 'true',
      appPrompt: 'false',
      perParticipantE2EE: 'false',
      lang: 'en',
    }
    const url = `${location.origin}/element-call/index.html#?${new URLSearchParams(parameters)}`
    const frame = document.createElement('iframe')
    frame.allow = 'camera; microphone; autoplay; display-capture'
    // Lower ones lay the picture over the buttons.
    frame.style.cssText = 'width: 1000px; height: 690px'
    const definition = { id: 'call', creatorUserId, type: 'm.call', url, waitForIframeLoad: false }
    document.body.append(frame)
    const api = new ClientWidgetApi(new Widget(definition), frame, new CallWidgetDriver(roomId))
    for (const action of told) {
      api.on(`action:${action}`, (event: CustomEvent) => {
        event.preventDefault()
        api.transport.reply(event.detail, {})
      })
    }
    api.setViewedRoomId(roomId)
    client().on(ClientEvent.Event, (event) => {
      if (event.getRoomId() === roomId) void api.feedEvent(event.getEffectiveEvent() as never)
    })
    client().on(RoomStateEvent.Events, (event) => {
      if (event.getRoomId() === roomId) void api.feedStateUpdate(event.getEffectiveEvent() as never)
    })
    client().on(ClientEvent.ToDeviceEvent, (event) => void api.feedToDevice(event.getEffectiveEvent() as never, false))
    frame.src = url
  },
}
