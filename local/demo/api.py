"""JSON over HTTP for whatever sets the demo up."""

from collections.abc import AsyncIterator
from typing import Any

import httpx

Object = dict[str, Any]


class DemoError(Exception):
    """The demo could not be set up; one sentence says what stood in the way."""


class Api:
    """JSON over HTTP; whatever goes wrong is a `DemoError` that names the path."""

    def __init__(self, http: httpx.AsyncClient, *, name: str) -> None:
        self._http = http
        self._name = name

    async def get(self, path: str, **params: Any) -> Object:
        return await self._send("GET", path, params=params)

    async def post(self, path: str, body: Object) -> Object:
        return await self._send("POST", path, json=body)

    async def put(self, path: str, body: Object) -> Object:
        return await self._send("PUT", path, json=body)

    async def patch(self, path: str, body: Object) -> Object:
        return await self._send("PATCH", path, json=body)

    async def delete(self, path: str) -> None:
        await self._send("DELETE", path)

    async def upload(self, path: str, *, title: str, file: tuple[str, bytes, str]) -> Object:
        return await self._send("POST", path, data={"title": title}, files={"file": file})

    async def items(self, path: str) -> AsyncIterator[Object]:
        """Every object of a list, page by page."""
        params: Object = {"limit": 100}
        while True:
            page = await self.get(path, **params)
            for item in page["items"]:
                yield item
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    async def find_or_create(self, path: str, body: Object, *, by: str = "name") -> Object:
        """The first object whose field `by` is as in `body`, made from it if there is none."""
        async for item in self.items(path):
            if item[by] == body[by]:
                return item
        return await self.post(path, body)

    async def _send(self, method: str, path: str, **arguments: Any) -> Object:
        try:
            response = await self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise DemoError(
                f"{method} {path}: {self._name} does not answer ({type(error).__name__})."
            ) from error
        if response.is_error:
            raise DemoError(f"{method} {path}: {self._name} answered {_problem(response)}")
        found: Object = response.json() if response.content else {}
        return found


def _problem(response: httpx.Response) -> str:
    """The status and the problem's own words, as far as it has any."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    error = body.get("error") if isinstance(body, dict) else None
    said = body.get("detail") if isinstance(body, dict) else None
    if said is None and isinstance(error, dict):
        said = error.get("message")
    return f"{response.status_code}: {said or response.reason_phrase}"
