"""What the page shows of Parley beside the phone: a key of the organisation's makes it work."""

from local.demo.api import Api

KEY_NAME = "Demo page"


async def open_desk(
    api: Api, simulator: Api, *, phone_number_id: str, organization_id: str, api_url: str
) -> None:
    """Make sure that the page can show and do what an administrator of this organisation can.

    A key is told only once, when it is made: one that the simulator has already stays in use.
    """
    path = f"/simulator/numbers/{phone_number_id}/desk"
    keys = f"/v1/organizations/{organization_id}/api-keys"
    wanted = {"api_url": api_url, "organization_id": organization_id}
    known = (await simulator.get(path)).items() >= wanted.items()
    if known and KEY_NAME in [key["name"] async for key in api.items(keys)]:
        return
    key = await api.post(keys, {"name": KEY_NAME, "role": "admin"})
    await simulator.put(path, wanted | {"api_key": key["secret"]})
