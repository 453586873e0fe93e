"""Readers of speech corpora: each turns files on disk into one `Corpus` of utterances."""

# Names on the command line; here, since the readers take seconds to import.
CORPORA = (
    *("demo", "kemdy19", "kemdy20", "aihub263", "aihub_dialogue", "vat", "iemocap", "meld"),
    "table",
)
# The policies of the readers with their values, likewise; but for a file.
POLICY_CHOICES: dict[str, tuple[str | int, ...]] = {
    "labels_of": ("speaker", "listener"),
    "multi_label": ("drop", "first", "soft"),
    "target": ("situation", "raters"),
    "classes": (4, 6),
}
EMOTION_MAP = "emotion_map"
