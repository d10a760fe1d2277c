"""What a removal takes along, and what stays."""

import secrets
from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI

from contracts.ids import ChannelId
from tests.api.conftest import Organization, check_problem, created
from tests.api.test_conversations import write


async def a_channel(ours: Organization, **fields: Any) -> dict[str, Any]:
    return await created(
        ours.admin,
        f"{ours.path}/channels",
        phone_number_id=str(secrets.randbelow(10**15)),
        waba_id="1",
        display_phone_number="+1 555 000",
        access_token="t",
        **fields,
    )


async def test_an_assistant_leaves_its_channels_and_what_it_read(ours: Organization) -> None:
    base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    assistant = await created(
        ours.admin, f"{ours.path}/assistants", name="Ada", knowledge_base_ids=[base["id"]]
    )
    channel = await a_channel(ours, assistant_id=assistant["id"])
    gone = await ours.admin.delete(f"{ours.path}/assistants/{assistant['id']}")
    assert gone.status_code == 204
    left = (await ours.viewer.get(f"{ours.path}/channels/{channel['id']}")).json()
    assert left["assistant_id"] is None
    assert left["revision"] == channel["revision"] + 1
    assert (await ours.viewer.get(f"{ours.path}/knowledge-bases/{base['id']}")).status_code == 200


async def test_a_knowledge_base_takes_its_documents_and_leaves_its_readers(
    ours: Organization,
) -> None:
    base, other = [
        await created(ours.admin, f"{ours.path}/knowledge-bases", name=name)
        for name in ("Menu", "Hours")
    ]
    path = f"{ours.path}/knowledge-bases/{base['id']}"
    document = await created(
        ours.admin, f"{path}/documents", status=202, title="Prices", text="Soup 5"
    )
    assistant = await created(
        ours.admin,
        f"{ours.path}/assistants",
        name="Ada",
        knowledge_base_ids=[base["id"], other["id"]],
    )
    assert (await ours.admin.delete(path)).status_code == 204
    check_problem(await ours.viewer.get(f"{path}/documents/{document['id']}"), 404)
    reader = await ours.viewer.get(f"{ours.path}/assistants/{assistant['id']}")
    assert reader.json()["knowledge_base_ids"] == [other["id"]]
    # Who has seen it before must look again.
    assert reader.headers["etag"] == f'"{assistant["revision"] + 1}"'


async def test_a_channel_leaves_its_conversations_readable_and_its_number_free(
    ours: Organization, app: FastAPI
) -> None:
    channel = await a_channel(ours)
    written = await write(app, ours, "Hello", wa_id="34600000009", channel=ChannelId(channel["id"]))
    gone = await ours.admin.delete(f"{ours.path}/channels/{channel['id']}")
    assert gone.status_code == 204
    conversations = f"{ours.path}/conversations"
    listed = await ours.viewer.get(conversations, params={"channel_id": channel["id"]})
    assert [one["id"] for one in listed.json()["items"]] == [written.ref.conversation_id]
    messages = await ours.viewer.get(f"{conversations}/{written.ref.conversation_id}/messages")
    assert [one["text"] for one in messages.json()["items"]] == ["Hello"]
    body = {name: channel[name] for name in ("phone_number_id", "waba_id", "display_phone_number")}
    again = await ours.admin.post(f"{ours.path}/channels", json=body | {"access_token": "t"})
    assert again.status_code == 201


async def test_a_revoked_key_stays_listed_and_so_does_what_it_made(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient]
) -> None:
    key = await created(ours.admin, f"{ours.path}/api-keys", name="Short", role="admin")
    client = connect(key["secret"])
    assistant = await created(client, f"{ours.path}/assistants", name="Ada")
    path = f"{ours.path}/api-keys/{key['id']}"
    assert (await ours.admin.get(path)).json()["last_used_at"] is not None
    assert (await ours.admin.delete(path)).status_code == 204
    check_problem(await client.get(ours.path), 401)
    left = (await ours.admin.get(path)).json()
    assert left["revoked_at"] is not None
    assert left["prefix"] == key["prefix"]
    assert (await ours.admin.delete(path)).status_code == 204
    assert (await ours.admin.get(path)).json()["revoked_at"] == left["revoked_at"]
    shown = await ours.viewer.get(f"{ours.path}/assistants/{assistant['id']}")
    assert shown.status_code == 200


async def test_a_platform_key_does_everything_until_it_is_revoked(
    platform: httpx.AsyncClient,
    ours: Organization,
    connect: Callable[[str | None], httpx.AsyncClient],
) -> None:
    key = await created(platform, "/v1/api-keys", name="Second administrator")
    assert (key["role"], key["revoked_at"]) == ("platform_admin", None)
    client = connect(key["secret"])
    assert (await client.get(ours.path)).status_code == 200
    listed = (await client.get("/v1/api-keys", params={"revoked": "false"})).json()["items"]
    assert key["id"] in {one["id"] for one in listed}
    assert {one["role"] for one in listed} == {"platform_admin"}
    for refused in (ours.admin, ours.viewer):
        check_problem(await refused.get("/v1/api-keys"), 403)
        check_problem(await refused.delete(f"/v1/api-keys/{key['id']}"), 403)

    assert (await platform.delete(f"/v1/api-keys/{key['id']}")).status_code == 204
    check_problem(await client.get(ours.path), 401)


async def test_an_organizations_key_is_not_the_platforms(
    platform: httpx.AsyncClient, ours: Organization
) -> None:
    key = await created(ours.admin, f"{ours.path}/api-keys", name="Ours", role="admin")
    check_problem(await platform.get(f"/v1/api-keys/{key['id']}"), 404)
    check_problem(await platform.delete(f"/v1/api-keys/{key['id']}"), 404)


async def test_a_key_is_renamed_and_its_expiry_changed(
    ours: Organization, connect: Callable[[str | None], httpx.AsyncClient]
) -> None:
    key = await created(ours.admin, f"{ours.path}/api-keys", name="Short", role="viewer")
    path = f"{ours.path}/api-keys/{key['id']}"
    past = await ours.admin.patch(path, json={"expires_at": "2020-01-01T00:00:00Z"})
    check_problem(past, 422)
    changed = await ours.admin.patch(
        path, json={"name": "Long", "expires_at": "2999-01-01T00:00:00Z"}
    )
    assert changed.json()["name"] == "Long"
    assert changed.json()["expires_at"] == "2999-01-01T00:00:00Z"
    unlimited = await ours.admin.patch(path, json={"expires_at": None})
    assert unlimited.json()["expires_at"] is None
    for client in (ours.operator, ours.viewer):
        check_problem(await client.patch(path, json={"name": "Mine"}), 403)
    assert (await connect(key["secret"]).get(ours.path)).status_code == 200
