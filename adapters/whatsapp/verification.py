"""Asks the Graph API whether a number can be used as connected, and subscribes to its account."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from adapters.whatsapp.client import (
    GraphClient,
    GraphError,
    GraphOutcomeUnknown,
    GraphUnreachable,
)
from domain.channel_verification import (
    NumberFacts,
    Question,
    Verification,
    VerificationProblem,
    conclude,
    not_subscribed,
    number_of_another_account,
    problem_of_refusal,
    problems_of_number,
    unreachable,
)
from domain.plain_text import strip_hidden

VERIFICATION_SECONDS: Final = 5.0
"""In all: somebody waits for the answer."""
LONGEST_FACT: Final = 200

T = TypeVar("T")


@dataclass(frozen=True)
class Claim:
    """A number as an administrator connected it."""

    phone_number_id: str
    waba_id: str
    display_phone_number: str
    access_token: str = field(repr=False)


async def verify_number(
    graph: GraphClient, claim: Claim, *, seconds: float = VERIFICATION_SECONDS
) -> Verification:
    """What Graph says of the claim. Never raises for what Meta does, nor takes longer than this.

    Subscribes the token's app to the account's webhooks if the number is the account's.

    Args:
        seconds: after these, what is not answered counts as unreachable.
    """
    inquiry = _Inquiry(graph, claim)
    try:
        async with asyncio.timeout(seconds):
            await inquiry.make()
    except TimeoutError:
        inquiry.problems.append(unreachable())
    return conclude(
        inquiry.facts,
        inquiry.problems,
        subscribed=inquiry.subscribed,
        checked_at=datetime.now(UTC),
    )


class _Inquiry:
    """What is known so far: kept when the time is up."""

    def __init__(self, graph: GraphClient, claim: Claim) -> None:
        self._graph = graph
        self._claim = claim
        self.facts: NumberFacts | None = None
        self.subscribed = False
        self.problems: list[VerificationProblem] = []

    async def make(self) -> None:
        _, belongs = await asyncio.gather(self._look_at_number(), self._find_in_account())
        if belongs is False and self.facts is not None:
            self.problems.append(number_of_another_account())
        if belongs:
            await self._subscribe()

    async def _look_at_number(self) -> None:
        claim = self._claim
        answer = await self._ask(
            "number",
            self._graph.number(
                claim.phone_number_id, claim.access_token, fields=tuple(NumberFacts.model_fields)
            ),
        )
        if answer is not None:
            self.facts = _facts(answer)
            self.problems += problems_of_number(
                self.facts, display_phone_number=claim.display_phone_number
            )

    async def _find_in_account(self) -> bool | None:
        return await self._ask("account", self._is_in_account())

    async def _is_in_account(self) -> bool:
        claim = self._claim
        async for number in self._graph.account_numbers(claim.waba_id, claim.access_token):
            if number == claim.phone_number_id:
                return True
        return False

    async def _subscribe(self) -> None:
        listed = await self._ask("subscription", self._subscribe_and_list())
        if listed is not None:
            self.subscribed = bool(listed)
            if not listed:
                self.problems.append(not_subscribed())

    async def _subscribe_and_list(self) -> list[dict[str, Any]]:
        waba_id, access_token = self._claim.waba_id, self._claim.access_token
        await self._graph.subscribe(waba_id, access_token)
        return await self._graph.subscribed_apps(waba_id, access_token)

    async def _ask(self, question: Question, answer: Awaitable[T]) -> T | None:
        """The answer; None when there is none, which is then among the problems."""
        try:
            return await answer
        except GraphError as error:
            problem = problem_of_refusal(question, meta_code=error.code, verdict=error.verdict)
        except (GraphUnreachable, GraphOutcomeUnknown):
            problem = unreachable()
        self.problems.append(problem)
        return None


def _facts(answer: dict[str, Any]) -> NumberFacts:
    texts = {name: answer.get(name) for name in NumberFacts.model_fields}
    return NumberFacts.model_validate(
        {
            # Written by others and stored: without what PostgreSQL refuses, and no novel.
            name: strip_hidden(text)[:LONGEST_FACT] if isinstance(text, str) else None
            for name, text in texts.items()
        }
    )
