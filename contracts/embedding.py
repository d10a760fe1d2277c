"""Which embedding model makes the vectors of a knowledge base, and its change to another."""

from contracts.ids import KnowledgeBaseId, OrganizationId
from contracts.model import Contract


class EmbeddingModel(Contract):
    """A model, and the size of its vectors where it can give several."""

    name: str
    dimensions: int | None = None
    """Asked of the model; None: as many numbers as it gives by itself."""

    def __str__(self) -> str:
        return self.name if self.dimensions is None else f"{self.name} ({self.dimensions})"


class ReembedKnowledgeBase(Contract):
    """Input of the workflow `ReembedKnowledgeBase`, and of each of its activities.

    What is to be done stands on the knowledge base itself, and may change while it runs.
    """

    organization_id: OrganizationId
    knowledge_base_id: KnowledgeBaseId
    settle_seconds: float = 20
    """After the switch, until searches that began before it are over: they use the old vectors."""


class ReembeddedBatch(Contract):
    """How far the passages of a knowledge base are embedded for its next model."""

    done: int
    total: int
    model: str | None
    """The next model; None: nothing is to be done any more."""


class FailedReembedding(Contract):
    knowledge_base: ReembedKnowledgeBase
    error: str
    """A sentence that a person can act on."""
