"""What the files of a stage-1 checkpoint are called."""

from __future__ import annotations

WEIGHTS = "model.safetensors"
# All that `Checkpoint.save` writes; which of the tokenizer's there are depends on its kind.
CHECKPOINT_FILES = (
    *("config.json", WEIGHTS, "preprocessor_config.json", "processor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "spm.model", "tokenizer.model"),
    *("sentencepiece.bpe.model", "tokenizer_78b3253a26.model", "chat_template.jinja"),
)
