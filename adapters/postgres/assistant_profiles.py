"""Everything that a turn needs to know of its assistant, at memory speed and never stale."""

from typing import Any

from pydantic import Field
from sqlmodel import col, select

from adapters.cache_lookups import CountLookup, uncounted
from adapters.keyring import KeyRing
from adapters.postgres.channel_pauses import ChannelPause, pause_of
from adapters.postgres.database import Database
from adapters.postgres.running import Running
from adapters.postgres.sealed import open_channel_secret, open_openai_key
from adapters.postgres.tables import Assistant, Channel, Organization
from adapters.postgres.tenant_cache import TenantCache
from contracts.handoff import HandoffSettings
from contracts.ids import AssistantId, ChannelId, KnowledgeBaseId, OrganizationId
from contracts.model import Contract
from contracts.outbound_template import TemplateContent, template_of
from contracts.quotas import Quotas
from domain.business_hours import BusinessHours, OpeningHours
from domain.model_tools import AssistantTools
from domain.organization_settings import UncertainSendPolicy, uncertain_send_policy
from domain.time_zones import time_zone

_Key = tuple[OrganizationId, ChannelId]


class AssistantProfile(Contract):
    """A channel, its assistant and its organisation. Secrets stay out of its `repr`."""

    organization_id: OrganizationId
    organization_name: str
    timezone: str = "UTC"
    """IANA name: the time zone in which the business thinks."""
    channel_id: ChannelId
    phone_number_id: str
    access_token: str = Field(repr=False)
    channel_revision: int = 1
    """Counts an administrator's changes of the channel, such as another access token."""
    pause: ChannelPause | None = None
    """Nothing is sent for now."""
    messages_per_second: int = 80
    uncertain_send_policy: UncertainSendPolicy | None = None
    """None: the platform's."""
    assistant_id: AssistantId | None = None
    """None: nobody has given the channel an assistant; it can only say that it cannot help yet."""
    assistant_name: str = ""
    instructions: str = ""
    model: str | None = None
    """None: the platform's."""
    temperature: float | None = None
    model_parameters: dict[str, Any] = Field(default_factory=dict)
    knowledge_base_ids: tuple[KnowledgeBaseId, ...] = ()
    welcome_message: str | None = None
    fallback_message: str | None = None
    unsupported_message: str | None = None
    slow_down_message: str | None = None
    quota_message: str | None = None
    stopped_message: str | None = None
    resumed_message: str | None = None
    reopening_template: TemplateContent | None = None
    """What asks a person to write again when their service window closed before the reply."""
    handoff: HandoffSettings = HandoffSettings()
    business_hours: BusinessHours | None = None
    """None: the team is always there."""
    language: str | None = None
    tools: AssistantTools = AssistantTools()
    """That the model is offered."""
    openai_api_key: str | None = Field(default=None, repr=False)
    """The organisation's own; None: the platform's."""
    openai_base_url: str | None = None
    quotas: Quotas = Quotas()
    """The organisation's."""

    @property
    def opening_hours(self) -> OpeningHours | None:
        """When the team is there, in its time zone; None: always."""
        if self.business_hours is None:
            return None
        return OpeningHours(self.business_hours, default_zone=time_zone(self.timezone))


class AssistantProfiles(Running):
    """Looks profiles up and remembers them until they change; `async with` starts and closes it."""

    def __init__(
        self, database: Database, keyring: KeyRing, *, count: CountLookup = uncounted
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._cache = TenantCache[_Key, AssistantProfile](
            database,
            load=self._load,
            organization_of=lambda profile: profile.organization_id,
            name="assistant_profiles",
            count=count,
        )

    async def for_channel(
        self, organization_id: OrganizationId, channel_id: ChannelId
    ) -> AssistantProfile:
        """The profile as it is now; `LookupError` when the organisation has no such channel."""
        profile = await self._cache.get((organization_id, channel_id))
        if profile is None:
            raise LookupError(f"organisation {organization_id} has no channel {channel_id}")
        return profile

    async def start(self) -> None:
        await self._cache.start()

    async def close(self) -> None:
        await self._cache.close()

    async def _load(self, key: _Key) -> AssistantProfile | None:
        organization_id, channel_id = key
        query = (
            select(Channel, Organization, Assistant)
            .join(Organization, col(Organization.id) == Channel.organization_id)
            .join(Assistant, col(Assistant.id) == Channel.assistant_id, isouter=True)
            .where(Channel.id == channel_id)
        )
        async with self._database.tenant(organization_id) as session:
            row = (await session.exec(query)).first()
        return None if row is None else self._profile(*row)

    def _profile(
        self, channel: Channel, organization: Organization, assistant: Assistant | None
    ) -> AssistantProfile:
        own_key = organization.openai_api_key_encrypted
        profile = AssistantProfile(
            organization_id=organization.id,
            organization_name=organization.name,
            timezone=organization.timezone,
            channel_id=channel.id,
            phone_number_id=channel.phone_number_id,
            access_token=open_channel_secret(
                channel.access_token_encrypted,
                keyring=self._keyring,
                column="access_token",
                organization_id=organization.id,
                channel_id=channel.id,
            ),
            channel_revision=channel.revision,
            pause=pause_of(channel),
            messages_per_second=channel.messages_per_second,
            uncertain_send_policy=uncertain_send_policy(organization.settings),
            openai_api_key=(
                None
                if own_key is None
                else open_openai_key(
                    own_key, keyring=self._keyring, organization_id=organization.id
                )
            ),
            # The platform's key must never travel to an address that a tenant chose.
            openai_base_url=None if own_key is None else organization.openai_base_url,
            quotas=Quotas.of(organization.quotas),
        )
        if assistant is None:
            return profile
        return profile.model_copy(
            update={
                "assistant_id": assistant.id,
                "assistant_name": assistant.name,
                "instructions": assistant.instructions,
                "model": assistant.model,
                "temperature": assistant.temperature,
                "model_parameters": assistant.model_parameters,
                "knowledge_base_ids": tuple(assistant.knowledge_base_ids),
                "welcome_message": assistant.welcome_message,
                "fallback_message": assistant.fallback_message,
                "unsupported_message": assistant.unsupported_message,
                "slow_down_message": assistant.slow_down_message,
                "quota_message": assistant.quota_message,
                "stopped_message": assistant.stopped_message,
                "resumed_message": assistant.resumed_message,
                "reopening_template": template_of(assistant.reopening_template),
                "handoff": HandoffSettings.of(assistant.handoff),
                "business_hours": BusinessHours.of(assistant.business_hours),
                "language": assistant.language,
                "tools": AssistantTools.of(assistant.tools, assistant.handoff),
            }
        )
