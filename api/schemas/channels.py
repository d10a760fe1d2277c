"""WhatsApp numbers in the API. Secrets go in and never come out."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.postgres.tables import Channel
from api.schemas.base import Input, Reference, Revised, Secret
from contracts.ids import AssistantId, ChannelId, OrganizationId

MetaId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,32}$")]
PhoneNumber = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ().-]{2,31}$")]


class ChannelCreate(Input):
    phone_number_id: MetaId = Field(description="Meta's id of the number, not the number.")
    waba_id: MetaId = Field(description="Id of the WhatsApp Business Account.")
    display_phone_number: PhoneNumber
    access_token: Secret
    app_secret: Secret | None = Field(
        default=None, description="Of the channel's own Meta app; null: the platform's."
    )
    verify_token: Secret | None = None
    assistant_id: Reference | None = None


class ChannelUpdate(Input):
    waba_id: MetaId = ""
    display_phone_number: PhoneNumber = ""
    access_token: Secret = ""
    app_secret: Secret | None = None
    verify_token: Secret | None = None
    assistant_id: Reference | None = None


class ChannelPublic(Revised):
    id: ChannelId
    organization_id: OrganizationId
    phone_number_id: str
    waba_id: str
    display_phone_number: str
    assistant_id: AssistantId | None
    has_app_secret: bool
    has_verify_token: bool
    webhook_url: str = Field(description="The callback URL to enter in the Meta app.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, channel: Channel, *, public_url: str) -> "ChannelPublic":
        address = f"{public_url.rstrip('/')}/webhooks/whatsapp"
        if channel.app_secret_encrypted is not None:
            address += f"/{channel.id}"
        return cls.model_validate(
            {
                **channel.model_dump(),
                "has_app_secret": channel.app_secret_encrypted is not None,
                "has_verify_token": channel.verify_token_encrypted is not None,
                "webhook_url": address,
            }
        )
