"""Readers of speech corpora: each turns files on disk into one `Corpus` of utterances."""

# Names on the command line; here, since the readers take seconds to import.
CORPORA = (
    *("demo", "kemdy19", "kemdy20", "aihub263", "aihub_dialogue", "vat", "iemocap", "meld"),
    "table",
)
