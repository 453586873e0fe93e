"""What of the utterances before is read along with each, and who said them."""

from __future__ import annotations

from dataclasses import dataclass

# Who said an earlier utterance: nobody, for there is none; the same speaker; another one.
NOBODY, SAME_SPEAKER, OTHER_SPEAKER = 0, 1, 2


@dataclass(frozen=True)
class Context:
    """How much is read along.

    Attributes:
        count: how many earlier utterances of the dialogue.
        apart: modalities, e.g. ``at``, in which the encoder reads each of them by itself. Earlier
            texts are otherwise joined to the utterance's own, and earlier audio is not heard.
    """

    count: int = 0
    apart: str = ""

    @property
    def joined(self) -> int:
        """How many earlier texts are joined to an utterance's own."""
        return 0 if "t" in self.apart else self.count

    @property
    def read(self) -> int:
        """How many earlier texts are read by themselves."""
        return self.count if "t" in self.apart else 0

    @property
    def heard(self) -> int:
        """How many earlier utterances' audio is heard."""
        return self.count if "a" in self.apart else 0


NO_CONTEXT = Context()
