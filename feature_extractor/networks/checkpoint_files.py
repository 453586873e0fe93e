"""What the files of a stage-1 checkpoint are called."""

from __future__ import annotations

from graph_er.running.paths import STAGE1_WEIGHTS

# All that `Checkpoint.save` writes; which of the tokenizer's there are depends on its kind.
CHECKPOINT_FILES = (
    *("config.json", STAGE1_WEIGHTS, "preprocessor_config.json", "processor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "spm.model", "tokenizer.model"),
    *("sentencepiece.bpe.model", "tokenizer_78b3253a26.model", "chat_template.jinja"),
)
