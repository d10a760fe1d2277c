"""As whom a turn is answered."""

from activities.failures import final
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
