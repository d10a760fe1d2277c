"""Create, read, change and delete what an administrator administers."""

import secrets
from typing import Any

import httpx
import pytest

from tests.api.conftest import Organization, check_problem, created


def channel(**fields: Any) -> dict[str, Any]:
    return {
        "phone_number_id": str(secrets.randbelow(10**15)),
        "waba_id": "102290129340398",
        "display_phone_number": "+1 555 012 3456",
        "access_token": "EAAG-secret-token",
    } | fields


async def test_an_organization_lives_and_keeps_its_key_to_itself(
    platform: httpx.AsyncClient, ours: Organization
) -> None:
    changed = await ours.admin.patch(
        ours.path,
        json={
            "name": "Renamed",
            "timezone": "Europe/Madrid",
            "openai_api_key": "sk-own",
            "openai_base_url": "https://llm.example.com/v1",
        },
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["has_openai_api_key"] is True
    assert "sk-own" not in changed.text
    shown = (await platform.get(ours.path)).json()
    assert (shown["name"], shown["timezone"]) == ("Renamed", "Europe/Madrid")
    assert shown["created_at"].endswith("Z")
    assert shown["updated_at"] > shown["created_at"]
    removed = await ours.admin.patch(ours.path, json={"openai_api_key": None})
    assert removed.json()["has_openai_api_key"] is False
    assert removed.json()["name"] == "Renamed"


@pytest.mark.parametrize(
    "address",
    ["http://llm.example.com", "https://127.0.0.1/v1", "https://[::1]/", "https://169.254.169.254",
     "https://postgres", "https://metadata.google.internal", "https://10.0.0.1.", "https://me:secret@llm.example.com/v1"],
)  # fmt: skip
async def test_a_tenant_cannot_have_us_call_inside_our_network(
    ours: Organization, address: str
) -> None:
    response = await ours.admin.patch(ours.path, json={"openai_base_url": address})
    assert check_problem(response, 422)["errors"][0]["field"] == "openai_base_url"


async def test_assistants(ours: Organization) -> None:
    knowledge_base = await created(ours.admin, f"{ours.path}/knowledge-bases", name="Menu")
    assistant = await created(
        ours.admin,
        f"{ours.path}/assistants",
        name="Ada",
        instructions="Be kind.",
        knowledge_base_ids=[knowledge_base["id"]],
        temperature=0.2,
        debounce_seconds=1.5,
        tools=[{"type": "handoff"}],
    )
    path = f"{ours.path}/assistants/{assistant['id']}"
    assert (await ours.viewer.get(path)).json() == assistant

    changed = (await ours.admin.patch(path, json={"temperature": None})).json()
    assert changed["temperature"] is None
    assert changed["debounce_seconds"] == 1.5
    check_problem(await ours.admin.patch(path, json={"name": ""}), 422)
    check_problem(await ours.admin.patch(path, json={"name": None}), 422)

    gone = await ours.admin.delete(f"{ours.path}/knowledge-bases/{knowledge_base['id']}")
    assert gone.status_code == 204
    assert (await ours.viewer.get(path)).json()["knowledge_base_ids"] == []

    assert (await ours.admin.delete(path)).status_code == 204
    check_problem(await ours.viewer.get(path), 404)
    check_problem(await ours.admin.delete(path), 404)


async def test_channels_take_secrets_and_give_none(ours: Organization) -> None:
    assistant = await created(ours.admin, f"{ours.path}/assistants", name="Ada")
    body = channel(assistant_id=assistant["id"], verify_token="verify-me")
    made = await ours.admin.post(f"{ours.path}/channels", json=body)
    assert made.status_code == 201, made.text
    path = f"{ours.path}/channels/{made.json()['id']}"
    assert made.json()["webhook_url"] == "https://parley.example/webhooks/whatsapp"
    assert made.json()["has_verify_token"] is True

    changed = await ours.admin.patch(path, json={"app_secret": "app-secret", "verify_token": None})
    assert changed.json()["webhook_url"].endswith(made.json()["id"])
    assert (changed.json()["has_app_secret"], changed.json()["has_verify_token"]) == (True, False)
    listed = await ours.viewer.get(f"{ours.path}/channels")
    for text in (made.text, changed.text, listed.text):
        assert "EAAG" not in text
        assert "verify-me" not in text
        assert "app-secret" not in text
    check_problem(await ours.admin.patch(path, json={"access_token": None}), 422)

    assert (await ours.admin.delete(f"{ours.path}/assistants/{assistant['id']}")).status_code == 204
    assert (await ours.viewer.get(path)).json()["assistant_id"] is None
    assert (await ours.admin.delete(path)).status_code == 204


async def test_a_number_is_connected_once(ours: Organization, theirs: Organization) -> None:
    body = channel()
    assert (await ours.admin.post(f"{ours.path}/channels", json=body)).status_code == 201
    for organization in (ours, theirs):
        again = await organization.admin.post(f"{organization.path}/channels", json=body)
        assert check_problem(again, 409)["type"].endswith("already-connected")


async def test_a_list_is_read_in_pages_newest_first(ours: Organization) -> None:
    names = [f"Assistant {number}" for number in range(7)]
    for name in names:
        await created(ours.admin, f"{ours.path}/assistants", name=name)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "3"} | ({} if cursor is None else {"cursor": cursor})
        page = (await ours.viewer.get(f"{ours.path}/assistants", params=params)).json()
        assert len(page["items"]) <= 3
        seen += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
        # A new one does not shift the pages.
        await created(ours.admin, f"{ours.path}/assistants", name="Newcomer")
        if cursor is None:
            break
    assert seen == names[::-1]


async def test_knowledge_bases(ours: Organization) -> None:
    made = await created(
        ours.admin, f"{ours.path}/knowledge-bases", name="Menu", language="spanish"
    )
    path = f"{ours.path}/knowledge-bases/{made['id']}"
    changed = (await ours.admin.patch(path, json={"description": "Dishes"})).json()
    assert (changed["description"], changed["language"]) == ("Dishes", "spanish")
    check_problem(await ours.admin.patch(path, json={"embedding_model": "other"}), 422)
