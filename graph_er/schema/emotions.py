"""The one vocabulary: emotion names and their label order per data set, and the modalities."""

from __future__ import annotations

from graph_er.errors import InputError

# Label order of the KEMDy19 systems; position is the integer label in a dialogue file.
KEMDY_EMOTIONS = ("neutral", "angry", "happy", "surprise", "sad", "fear", "disgust")

# Label orders that published dialogue files use without naming them.
DATASET_EMOTIONS: dict[str, tuple[str, ...]] = {
    "kemdy19": KEMDY_EMOTIONS,
    "iemocap": ("happy", "sad", "neutral", "angry", "excited", "frustrated"),
    "iemocap_4": ("happy", "sad", "neutral", "angry"),
    "meld": ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
    "emorynlp": ("joyful", "mad", "peaceful", "neutral", "sad", "powerful", "scared"),
}

# "disqust" is how KEMDy20's annotation files really spell it.
_SYNONYMS = {
    "disqust": "disgust",
    "anger": "angry",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "분노": "angry",
    "행복": "happy",
    "기쁨": "happy",
    "슬픔": "sad",
    "놀람": "surprise",
    "공포": "fear",
    "혐오": "disgust",
    "중립": "neutral",
}

# A modality is one letter; a selection is some of them in this fixed order, e.g. "at".
MODALITIES = ("a", "t", "v")
MODALITY_NAMES = {"a": "audio", "t": "text", "v": "visual"}
# What a study consists of unless it was asked for less.
STUDY_MODALITIES = ("a", "t", "at")


def plain_spelling(name: str) -> str:
    """Return the KEMDy name of an emotion written in any known spelling, others in lower case."""
    cleaned = name.strip().lower()
    return _SYNONYMS.get(cleaned, cleaned)


def normalise_emotion(name: str) -> str:
    """Return the KEMDy name of an emotion written in any known spelling.

    Raises:
        InputError: the name is none of the seven emotions in any known spelling.
    """
    emotion = plain_spelling(name)
    if emotion not in KEMDY_EMOTIONS:
        raise InputError(
            f"unknown emotion {name!r}; known are {', '.join(KEMDY_EMOTIONS)} "
            f"and the spellings {', '.join(_SYNONYMS)}"
        )
    return emotion
