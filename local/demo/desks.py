"""The operator's view beside the phone: a key of the organisation's, given to the simulator."""

from local.demo.api import Api

KEY_NAME = "Demo operator"


async def open_desk(
    api: Api, simulator: Api, *, phone_number_id: str, organization_id: str, api_url: str
) -> None:
    """Make sure that the page can show and do what an operator of this organisation can.

    A key is told only once, when it is made: one that the simulator has already stays in use.
    """
    path = f"/simulator/numbers/{phone_number_id}/desk"
    wanted = {"api_url": api_url, "organization_id": organization_id}
    if (await simulator.get(path)).items() >= wanted.items():
        return
    key = await api.post(
        f"/v1/organizations/{organization_id}/api-keys", {"name": KEY_NAME, "role": "operator"}
    )
    await simulator.put(path, wanted | {"api_key": key["secret"]})
