"""Readers of speech corpora: each turns files on disk into one `Corpus` of utterances."""
