"""`/v1/organizations/{organization_id}/uncertain-messages`"""

from adapters.dynamodb.uncertain import UncertainMessages
from api.dependencies import PlaceDep, ViewerDep
from api.problems import documented
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.conversations import MessagePublic

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/uncertain-messages", tags=["conversations"]
)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_uncertain_messages(place: PlaceDep, tenant: ViewerDep) -> Listing[MessagePublic]:
    """Messages of which nobody knows whether they arrived, of all conversations, newest first.

    A status of Meta's that comes later settles a message: it is then no longer listed.
    """
    page = await UncertainMessages(tenant.services.table).list(
        tenant.organization_id, limit=place.limit, cursor=place.cursor
    )
    return Listing(
        items=[MessagePublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )
