"""Readers of speech corpora: each turns files on disk into one `Corpus` of utterances."""

# Names on the command line; here, since `registry` takes seconds to import.
CORPORA = ("demo", "kemdy19")
