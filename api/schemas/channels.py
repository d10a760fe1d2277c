"""WhatsApp numbers in the API. Secrets go in and never come out."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints

from adapters.postgres.channel_pauses import pause_of
from adapters.postgres.tables import Channel
from api.schemas.base import Input, Integer, Output, Reference, Revised, Secret
from contracts.ids import AssistantId, ChannelId, OrganizationId
from domain.channel_verification import Verification
from domain.graph_errors import behaviour_of

MetaId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,32}$")]
PhoneNumber = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ().-]{2,31}$")]

AccessToken = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4096, pattern=r"^[ -~]+$"),
]
"""Goes into a header, hence ASCII."""
UNKNOWN_REMEDY: Final = (
    "Verify the channel; if that does not help, ask the platform's administrator."
)


MessagesPerSecond = Annotated[
    Integer,
    Field(
        ge=1,
        le=1000,
        description="How many messages Meta takes from the number: 80, up to 1,000 once it has "
        "raised the number's throughput, 20 for a number that is used in the WhatsApp Business app "
        "too.",
    ),
]


class ChannelCreate(Input):
    phone_number_id: MetaId = Field(description="Meta's id of the number, not the number.")
    waba_id: MetaId = Field(description="Id of the WhatsApp Business Account.")
    display_phone_number: PhoneNumber
    access_token: AccessToken
    app_secret: Secret | None = Field(
        default=None,
        description="Of the channel's own Meta app; null: the platform's app delivers, whose "
        "webhook has its app secret and verify token already.",
    )
    verify_token: Secret | None = Field(
        default=None,
        description="To enter beside `webhook_url` in the channel's own Meta app. With an "
        "`app_secret` and without this, one is made and shown once, in the answer.",
    )
    assistant_id: Reference | None = None
    messages_per_second: MessagesPerSecond = 80


class ChannelUpdate(Input):
    waba_id: MetaId = ""
    display_phone_number: PhoneNumber = ""
    access_token: AccessToken = ""
    app_secret: Secret | None = None
    verify_token: Secret | None = None
    assistant_id: Reference | None = None
    messages_per_second: MessagesPerSecond = 80


class ConfiguredChannel(Revised):
    """What administrators have made of a channel."""

    id: ChannelId
    organization_id: OrganizationId
    phone_number_id: str
    waba_id: str
    display_phone_number: str
    assistant_id: AssistantId | None
    messages_per_second: int
    has_app_secret: bool
    has_verify_token: bool
    webhook_url: str = Field(
        description="The callback URL to enter in the channel's own Meta app, with its verify "
        "token. Without an app secret of its own the channel is on the platform's app, where both "
        "are entered already."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, channel: Channel, *, public_url: str, **more: Any) -> Self:
        address = f"{public_url.rstrip('/')}/webhooks/whatsapp"
        if channel.app_secret_encrypted is not None:
            address += f"/{channel.id}"
        return cls.model_validate(
            {
                **channel.model_dump(),
                "has_app_secret": channel.app_secret_encrypted is not None,
                "has_verify_token": channel.verify_token_encrypted is not None,
                "webhook_url": address,
                "paused": ChannelPaused.of(channel),
                **more,
            }
        )


class ChannelPaused(Output):
    """Meta refuses what the number sends. Its messages wait, for 24 hours at most."""

    since: datetime
    code: int | None = Field(description="Meta's error code, where it gave one.")
    reason: str
    what_to_do: str

    @classmethod
    def of(cls, channel: Channel) -> "ChannelPaused | None":
        pause = pause_of(channel)
        if pause is None:
            return None
        known = behaviour_of(pause.code)
        return cls(
            since=pause.since,
            code=pause.code,
            reason=pause.reason,
            what_to_do=UNKNOWN_REMEDY if known is None else known.what_to_do,
        )


class ChannelSending(Output):
    """Whether a channel sends, for the audit log."""

    paused: ChannelPaused | None


class ChannelPublic(ConfiguredChannel):
    paused: ChannelPaused | None = Field(
        description="Why nothing is sent from the number; null: it sends."
    )
    verification: Verification = Field(
        description="What the Graph API said of token, number and account when it was last asked."
    )


class ChannelWithVerifyToken(ChannelPublic):
    """A channel, and its verify token in the one answer that shows it."""

    verify_token: str | None = Field(
        default=None,
        description="To enter beside `webhook_url` in the Meta app; not shown again. Null when "
        "none was made.",
    )
