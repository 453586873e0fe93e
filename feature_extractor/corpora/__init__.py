"""Readers of speech corpora: each turns files on disk into one `Corpus` of utterances.

What must be known of a corpus without its reader, which takes seconds to import, is here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownCorpus:
    """A corpus that can be read; objects are named as ``module:name`` for `pkgutil.resolve_name`.

    Attributes:
        reader: the function that reads it: takes the root, and the policies by name.
        cleaner: the function that the reader cleans each text with; so is cleaned what a model that
            was trained on the corpus is to answer.
        language: of the texts, ISO 639-1; None where it is not known.
        policies: names of the reader's.
        counts: what a complete copy holds when read with the defaults; or, where a policy's value
            decides it, that by value. None where it is not known.
    """

    reader: str
    cleaner: str
    language: str | None
    policies: tuple[str, ...] = ()
    counts: str | None = None


_AS_WRITTEN = "feature_extractor.corpora.text_files:one_line"
# By the names on the command line, in the order of lists and tables.
CORPORA = {
    "demo": KnownCorpus(  # written in the layout of KEMDy19
        reader="feature_extractor.corpora.kemdy19:read_kemdy19",
        cleaner="feature_extractor.transcript:clean_transcript",
        language="ko",
        policies=("labels_of", "multi_label"),
    ),
    "kemdy19": KnownCorpus(
        reader="feature_extractor.corpora.kemdy19:read_kemdy19",
        cleaner="feature_extractor.transcript:clean_transcript",
        language="ko",
        policies=("labels_of", "multi_label"),
        counts="feature_extractor.corpora.kemdy19:KEMDY19_COUNTS",
    ),
    "kemdy20": KnownCorpus(
        reader="feature_extractor.corpora.kemdy20:read_kemdy20",
        cleaner="feature_extractor.corpora.kemdy20:clean_words",
        language="ko",
        policies=("multi_label",),
        counts="feature_extractor.corpora.kemdy20:KEMDY20_COUNTS",
    ),
    "aihub263": KnownCorpus(
        reader="feature_extractor.corpora.aihub263:read_aihub263",
        cleaner=_AS_WRITTEN,
        language="ko",
        policies=("target",),
        counts="feature_extractor.corpora.aihub263:AIHUB263_COUNTS",
    ),
    "aihub_dialogue": KnownCorpus(
        reader="feature_extractor.corpora.aihub_dialogue:read_aihub_dialogue",
        cleaner=_AS_WRITTEN,
        language="ko",
        policies=("emotion_map",),
        counts="feature_extractor.corpora.aihub_dialogue:AIHUB_DIALOGUE_COUNTS",
    ),
    "vat": KnownCorpus(
        reader="feature_extractor.corpora.vat:read_vat",
        cleaner=_AS_WRITTEN,
        language="ko",
        counts="feature_extractor.corpora.vat:VAT_COUNTS",
    ),
    "iemocap": KnownCorpus(
        reader="feature_extractor.corpora.iemocap:read_iemocap",
        cleaner="feature_extractor.corpora.iemocap_transcript:clean_words",
        language="en",
        policies=("classes",),
        counts="feature_extractor.corpora.iemocap:IEMOCAP_COUNTS",
    ),
    "meld": KnownCorpus(
        reader="feature_extractor.corpora.meld:read_meld",
        cleaner="feature_extractor.corpora.meld_rows:repair",
        language="en",
        counts="feature_extractor.corpora.meld:MELD_COUNTS",
    ),
    "table": KnownCorpus(
        reader="feature_extractor.corpora.table:read_table",
        cleaner=_AS_WRITTEN,
        language=None,
    ),
}
# The policies of the readers with their values; but for a file.
POLICY_CHOICES: dict[str, tuple[str | int, ...]] = {
    "labels_of": ("speaker", "listener"),
    "multi_label": ("drop", "first", "soft"),
    "target": ("situation", "raters"),
    "classes": (4, 6),
}
EMOTION_MAP = "emotion_map"
