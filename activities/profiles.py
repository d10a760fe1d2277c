"""As whom a turn is answered, and by which server's model."""

from pydantic import SecretStr

from activities.failures import final
from adapters.openai.chat import ModelServer
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from contracts.conversation import Turn


async def profile_of(turn: Turn, profiles: AssistantProfiles) -> AssistantProfile:
    """The profile as it is now.

    Raises:
        ApplicationError: final; the channel was deleted while the conversation went on.
    """
    ref = turn.conversation
    try:
        return await profiles.for_channel(ref.organization_id, ref.channel_id)
    except LookupError as error:
        raise final(error) from error


def model_server(profile: AssistantProfile, default: ModelServer) -> ModelServer | None:
    """The organisation's own; None: the platform's."""
    if profile.openai_api_key is None:
        return None
    return ModelServer(
        base_url=profile.openai_base_url or default.base_url,
        api_key=SecretStr(profile.openai_api_key),
    )
