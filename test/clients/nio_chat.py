"""Two people chat through matrix-nio, plainly and encrypted. Arguments: URL, password. Prints what happened as JSON."""

import asyncio
import json
import sys
import tempfile

import nio

url, password = sys.argv[1:3]


def ok(response, kind):
    """nio answers a response that it cannot understand with an error object instead of raising one."""
    if not isinstance(response, kind):
        raise SystemExit(f"{kind.__name__} expected, but it was {response!r}")
    return response


async def login(name, store):
    config = nio.AsyncClientConfig(store_sync_tokens=True, encryption_enabled=True)
    client = nio.AsyncClient(url, f"@{name}:localhost", device_id=f"{name}s", store_path=store, config=config)
    ok(await client.login(password, device_name="test"), nio.LoginResponse)
    ok(await client.sync(timeout=0, full_state=True), nio.SyncResponse)
    if client.should_upload_keys:
        ok(await client.keys_upload(), nio.KeysUploadResponse)
    return client


async def sync_until(client, is_done):
    """Syncs as long as it takes, and asks for keys whenever nio wants them."""
    while not is_done():
        ok(await client.sync(timeout=10000), nio.SyncResponse)
        if client.should_query_keys:
            ok(await client.keys_query(), nio.KeysQueryResponse)


def listen(client):
    """Everything that is said to a client from now on."""
    heard = []
    client.add_event_callback(lambda _room, event: heard.append(event), nio.RoomMessageText)
    return heard


async def say(client, room_id, text):
    content = {"msgtype": "m.text", "body": text}
    sent = await client.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True)
    return ok(sent, nio.RoomSendResponse).event_id


def has_member(client, room_id, user_id):
    return room_id in client.rooms and user_id in client.rooms[room_id].users


async def meet(alice, bob, **options):
    """A room of both."""
    room_id = ok(await alice.room_create(invite=[bob.user_id], **options), nio.RoomCreateResponse).room_id
    await sync_until(bob, lambda: room_id in bob.invited_rooms)
    ok(await bob.join(room_id), nio.JoinResponse)
    await sync_until(alice, lambda: has_member(alice, room_id, bob.user_id) and not alice.rooms[room_id].invited_users)
    await sync_until(bob, lambda: has_member(bob, room_id, alice.user_id))
    return room_id


async def chat(alice, bob):
    room_id = await meet(alice, bob, name="Plain")
    heard = listen(bob)
    event_id = await say(alice, room_id, "hello")
    await sync_until(bob, lambda: heard)
    assert [(e.event_id, e.sender, e.body) for e in heard] == [(event_id, alice.user_id, "hello")], heard
    assert bob.rooms[room_id].display_name == "Plain", bob.rooms[room_id].display_name
    ok(await bob.update_receipt_marker(room_id, event_id), nio.UpdateReceiptMarkerResponse)
    ok(await bob.room_typing(room_id), nio.RoomTypingResponse)
    await sync_until(alice, lambda: alice.rooms[room_id].typing_users == [bob.user_id])
    ok(await bob.set_displayname("Bob"), nio.ProfileSetDisplayNameResponse)
    assert ok(await alice.get_displayname(bob.user_id), nio.ProfileGetDisplayNameResponse).displayname == "Bob"
    history = ok(await bob.room_messages(room_id, bob.next_batch, limit=50), nio.RoomMessagesResponse)
    ok(await bob.room_leave(room_id), nio.RoomLeaveResponse)
    ok(await bob.room_forget(room_id), nio.RoomForgetResponse)
    return [event.body for event in history.chunk if isinstance(event, nio.RoomMessageText)]


async def chat_encrypted(alice, bob):
    room_id = await meet(alice, bob, is_direct=True, initial_state=[nio.EnableEncryptionBuilder().as_dict()])
    heard = listen(bob)
    await say(alice, room_id, "secret")
    await sync_until(bob, lambda: heard)
    return [(event.body, event.decrypted) for event in heard]


async def main():
    with tempfile.TemporaryDirectory() as store:
        alice, bob = await login("alice", store), await login("bob", store)
        try:
            said = {"plain": await chat(alice, bob), "encrypted": await chat_encrypted(alice, bob)}
            ok(await alice.logout(), nio.LogoutResponse)
            ok(await bob.logout(all_devices=True), nio.LogoutResponse)
        finally:
            await alice.close()
            await bob.close()
    print(json.dumps(said))


asyncio.run(asyncio.wait_for(main(), 60))
