"""Two organisations never meet: on any operation of the OpenAPI document, whoever asks.

The operations are the document's, so a new one is covered by itself. A request names objects of
another organisation in its path, its filters, its cursor or its body, and

- nothing of the other's is in the answer: each of its objects carries a marker nobody can guess;
- the answer is the one that ids of nothing get, so that existence is not told either: 404, not 403;
- nothing of the other's has changed.
"""

import asyncio
import random
import re
import string
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.dynamodb.dead_letters import DeadLetters
from api.services import Services
from contracts.ids import OrganizationId
from tests.api.attempts import DOCUMENT, OPERATIONS, Attempt, Operation, attempts, body_of
from tests.api.conftest import Organization, check_problem, make_organization
from tests.api.population import SHARED_WORD, Populated, complete, ids_in, populate
from tests.in_this_loop import in_this_loop

EXAMPLES = 8
"""Attempts at each operation."""
REQUEST_SECONDS = 30
VOLATILE = {"last_used_at"}
"""What the owner's own look changes."""
LISTS = [one for one in OPERATIONS if one.method == "get" and "cursor" in one.query]


class Stage:
    """Organisations that ask, and organisations that nobody may find anything of."""

    def __init__(
        self,
        app: FastAPI,
        platform: httpx.AsyncClient,
        askers: list[Populated],
        owners: list[Populated],
    ) -> None:
        self.services: Services = app.state.services
        self.platform = platform
        self.askers = askers
        self.owners = owners
        self.before: list[dict[str, Any]] = []
        self.private: list[set[str]] = []
        self.cursors: list[list[str]] = []

    async def look(self) -> None:
        """Remember what belongs to the owners."""
        for owner in self.owners:
            view = await owners_view(owner)
            self.before.append(view)
            found = set().union(*(ids_in(str(answer)) for answer in view.values()))
            self.private.append(found | set(owner.private()))
            self.cursors.append([cursor async for cursor in cursors_of(owner)])

    def client(self, asker: Populated, role: str) -> httpx.AsyncClient:
        if role == "platform":
            return self.platform
        found: httpx.AsyncClient = getattr(asker.organization, role)
        return found

    async def attempt(
        self, operation: Operation, attempt: Attempt, ours: Populated, victim: int
    ) -> None:
        theirs = self.owners[victim]
        answer = await self._send(operation, attempt, ours, theirs, victim)
        said = answer.text + str(answer.headers)
        for secret in self.private[victim] - asked_for(answer):
            assert secret not in said, f"{operation.name} shows {secret} of another organisation"
        if not attempt.path or not operation.path.startswith("/v1/"):
            return
        assert answer.is_client_error, answer.text
        if "organization_id" in attempt.path:
            check_problem(answer, 404)
        # Of the same shape, and nobody's.
        nobody = Populated(
            theirs.organization,
            theirs.marker,
            {name: scrambled(identifier) for name, identifier in theirs.ids.items()},
        )
        control = await self._send(operation, attempt, ours, nobody, victim)
        assert answer.status_code == control.status_code, (answer.text, control.text)
        if answer.status_code != 403:
            check_problem(answer, 404 if answer.status_code != 422 else 422)
        assert anonymous(answer.text) == anonymous(control.text)

    async def _send(
        self,
        operation: Operation,
        attempt: Attempt,
        ours: Populated,
        theirs: Populated,
        victim: int,
    ) -> httpx.Response:
        ids = {
            name: (theirs if name in attempt.path else ours).ids[name]
            for name in operation.parameters
        }
        query = {}
        for name in operation.query:
            if name == "cursor" and name in attempt.query and self.cursors[victim]:
                query[name] = self.cursors[victim][
                    attempt.list_of_theirs % len(self.cursors[victim])
                ]
            elif name in attempt.query and name in theirs.ids:
                query[name] = theirs.ids[name]
            elif name in {"query", "search", "q", "name"}:
                query[name] = SHARED_WORD
        return await self.client(ours, attempt.role).request(
            operation.method.upper(),
            operation.path.format_map(ids),
            params=query,
            json=body_of(operation, attempt, ours, theirs),
        )

    async def nothing_has_changed(self) -> None:
        for owner, before in zip(self.owners, self.before, strict=True):
            after = await owners_view(owner)
            assert after == before
        for asker in self.askers:
            assert not self._foreign(await owners_view(asker))

    def _foreign(self, view: dict[str, Any]) -> set[str]:
        text = str(view)
        return {secret for private in self.private for secret in private if secret in text}


@pytest.fixture(scope="module")
async def stage(
    app: FastAPI,
    platform: httpx.AsyncClient,
    connect: Callable[[str | None], httpx.AsyncClient],
) -> Stage:
    async def one() -> Populated:
        organization = await make_organization(platform, connect, name="Private company")
        populated = await populate(organization, app.state.services)
        missing = await complete(populated, DOCUMENT)
        assert not missing, (
            f"Nothing is known to be put in place of {', '.join(missing)}: make one in "
            "tests/api/population.py, so that its isolation is tested."
        )
        return populated

    stage = Stage(app, platform, [await one() for _ in range(2)], [await one() for _ in range(2)])
    await stage.look()
    return stage


every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)


@every_operation
async def test_nothing_of_another_organisation_is_found_or_changed(
    stage: Stage, operation: Operation
) -> None:
    run = in_this_loop(within=REQUEST_SECONDS)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        attempt=attempts(operation),
        asker=st.sampled_from(range(2)),
        owner=st.sampled_from(range(2)),
    )
    def nothing_crosses(attempt: Attempt, asker: int, owner: int) -> None:
        run(stage.attempt(operation, attempt, stage.askers[asker], owner))

    if operation_can_name_theirs(operation):
        await asyncio.to_thread(nothing_crosses)
    if operation.changes:
        await stage.nothing_has_changed()


@every_operation
async def test_without_a_key_nothing_is_answered(
    stage: Stage, stranger: httpx.AsyncClient, operation: Operation
) -> None:
    if not operation.path.startswith("/v1/"):
        pytest.skip("open to everyone: Meta signs, probes need no key")
    owner = stage.owners[0]
    answer = await stranger.request(operation.method.upper(), operation.path.format_map(owner.ids))
    check_problem(answer, 401)
    assert not [secret for secret in stage.private[0] if secret in answer.text]


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if "Idempotency-Key" in one.headers],
    ids=lambda one: one.name,
)
async def test_an_idempotency_key_of_another_organisation_is_a_new_one(
    stage: Stage, operation: Operation
) -> None:
    """The same key and body from two organisations are two requests: neither hears of the other."""
    first, second = stage.askers
    attempt = Attempt("admin", frozenset(), frozenset(), frozenset(), 0)
    answers = []
    for asker in (first, second):
        answers.append(
            await asker.organization.admin.request(
                operation.method.upper(),
                operation.path.format_map(asker.ids),
                json=body_of(operation, attempt, asker, asker),
                headers={"Idempotency-Key": f"shared {operation.name}"},
            )
        )
    assert answers[0].status_code == answers[1].status_code
    assert not [secret for secret in first.private() if secret in answers[1].text]
    if answers[0].is_success:
        assert not ids_in(answers[0].text) & ids_in(answers[1].text)


THE_PLATFORMS: Final = {"platform_api_key_id"}
"""Ids in paths of what no organisation has."""


async def test_the_owner_sees_all_that_the_others_must_not(stage: Stage) -> None:
    """Or the tests above would look for what is nowhere."""
    for owner, private in zip(stage.owners, stage.private, strict=True):
        shown = str(await owners_view(owner))
        named = set(re.findall(r"\{(\w+)\}", " ".join(DOCUMENT["paths"]))) - THE_PLATFORMS
        assert {owner.ids[name] for name in named} <= private
        assert all(owner.ids[name] in shown for name in named)
        base = owner.ids["knowledge_base_id"]
        found = await owner.organization.viewer.post(
            f"{owner.organization.path}/knowledge-bases/{base}/search",
            json={"query": SHARED_WORD},
        )
        assert owner.marker in found.text


async def test_a_search_in_ones_own_finds_nothing_of_theirs(stage: Stage) -> None:
    asker, owner = stage.askers[0], stage.owners[0]
    path = f"{asker.organization.path}/knowledge-bases/{asker.ids['knowledge_base_id']}/search"
    for query in (SHARED_WORD, owner.marker):
        found = await asker.organization.viewer.post(path, json={"query": query})
        assert found.status_code == 200, found.text
        # The query itself is told, too.
        told = str(found.json() | {"queries": []})
        assert not [secret for secret in stage.private[0] if secret in told]


async def test_dead_letters_of_theirs_are_not_ours(stage: Stage) -> None:
    letters = DeadLetters(stage.services.table)
    for one in (*stage.askers, *stage.owners):
        page = await letters.list(OrganizationId(one.id), limit=50)
        assert {letter.reason for letter in page.items} == {one.marker}


async def test_the_platform_asks_for_an_organization_that_exists(
    platform: httpx.AsyncClient,
) -> None:
    check_problem(await platform.get("/v1/organizations/org_none/assistants"), 404)


async def test_references_to_their_objects_are_refused_by_name(
    ours: Organization, stage: Stage
) -> None:
    ids = stage.owners[0].ids
    answer = await ours.admin.post(
        f"{ours.path}/assistants",
        json={"name": "Reader", "knowledge_base_ids": [ids["knowledge_base_id"]]},
    )
    assert check_problem(answer, 422)["errors"][0]["field"] == "knowledge_base_ids"
    answer = await ours.admin.post(
        f"{ours.path}/channels",
        json={
            "phone_number_id": str(random.SystemRandom().randrange(10**15)),
            "waba_id": "1",
            "display_phone_number": "+1 555 000",
            "access_token": "t",
            "assistant_id": ids["assistant_id"],
        },
    )
    assert check_problem(answer, 422)["errors"][0]["field"] == "assistant_id"


def operation_can_name_theirs(operation: Operation) -> bool:
    return bool(operation.parameters) or operation.method != "delete"


async def owners_view(owner: Populated) -> dict[str, Any]:
    """Everything that the owner can read, by operation."""
    view: dict[str, Any] = {}
    for operation in OPERATIONS:
        if operation.method != "get" or not operation.path.startswith("/v1/"):
            continue
        answer = await owner.organization.admin.get(
            operation.path.format_map(owner.ids),
            params={"limit": 100} if "limit" in operation.query else {},
        )
        if answer.status_code == 403:
            continue  # Of the platform.
        assert answer.status_code in (200, 307), (operation.name, answer.text)
        view[operation.name] = _steady(_content(answer))
    return view


async def cursors_of(owner: Populated) -> Any:
    """Cursors of the owner's own lists, where these are longer than one."""
    for operation in LISTS:
        if "organization_id" in operation.parameters:
            answer = await owner.organization.admin.get(
                operation.path.format_map(owner.ids), params={"limit": 1}
            )
            if cursor := answer.json().get("next_cursor"):
                yield cursor


def _content(answer: httpx.Response) -> Any:
    if answer.has_redirect_location:
        # Signed anew each time.
        return answer.headers["location"].partition("?")[0]
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.json() if is_json else answer.text


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(entry) for key, entry in value.items() if key not in VOLATILE}
    return [_steady(entry) for entry in value] if isinstance(value, list) else value


def asked_for(answer: httpx.Response) -> set[str]:
    """What the asker wrote itself, which an error may repeat."""
    sent = str(answer.request.url) + answer.request.content.decode()
    return ids_in(sent)


def scrambled(identifier: str) -> str:
    """An id of the same shape that nothing has."""
    prefix, _, rest = identifier.partition("_")
    digits = random.Random(identifier).choices(string.digits, k=len(rest))  # noqa: S311
    return f"{prefix}_{''.join(digits)}"


def anonymous(text: str) -> str:
    """The text without ids."""
    for identifier in ids_in(text):
        text = text.replace(identifier, "ID")
    return text
