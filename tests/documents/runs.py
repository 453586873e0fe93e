"""How each documented command is run on something small, and why some are not run."""

from __future__ import annotations

from dataclasses import dataclass, field

_STUDY = "--seeds 1 --stage1_epochs 1"
_STAGE1 = "--epochs 1 --device cpu"
_STAGE3 = "--epochs 1 --device cpu"
_FUSIONS = "--fusions concat --modalities t a at --seeds 1 --epochs 1 --stage1_epochs 1"


@dataclass(frozen=True)
class Run:
    """How a command is made small and given what it needs.

    Attributes:
        extra: options put behind the command, an ``{encoders}`` in it replaced by both tiny ones.
        words: words of the command that are others here.
        before: commands that make what this one reads.
        files: what must be there afterwards.
        serves: it runs until it is stopped, and answers on this port.
    """

    extra: str = ""
    words: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    serves: int | None = None


_CONVERSATION = "--input data/example/conversation.csv --out predictions.csv"
_FOLDED = "--root folded --name folded"
_FOLD1 = (
    "python feature_extractor/train.py --corpus demo --split inner:3 --fold 1 "
    "--out model_checkpoints/fold1"
)
_SHARD = (
    "python feature_extractor/extract.py --checkpoint CKPT --corpus kemdy19 --root DIR --out F.pkl "
    "--num_shards 2 --shard 0"
)

# In this order: later ones read what earlier ones wrote. Every `--root` is that of the corpus's
# small tree, every encoder by hub id a tiny one.
RUNS: dict[str, Run] = {
    "bash scripts/run_all.sh": Run(
        "--seeds 2 --stage1_epochs 1",
        files=("runs/demo/report.html", "runs/demo/report.md", "model_checkpoints/demo/bundle"),
    ),
    "python graph_er/predict.py --pt_dir model_checkpoints/demo/graph_at --extractor "
    "model_checkpoints/demo/concat_at --input data/example/conversation.csv --out predictions.csv "
    "--plot conversation.png --html conversation.html": Run(
        files=("predictions.csv", "conversation.png", "conversation.html")
    ),
    "python feature_extractor/demo.py --example data/example": Run(
        files=("data/example/conversation.csv",)
    ),
    "python -m graph_er.bundle --extractor model_checkpoints/demo/concat_at --pt_dir "
    "model_checkpoints/demo/graph_at --out model_checkpoints/my_bundle": Run(
        files=("model_checkpoints/my_bundle/README.md",)
    ),
    "predict.py --pt_dir BUNDLE": Run(
        _CONVERSATION,
        words={"predict.py": "graph_er/predict.py", "BUNDLE": "model_checkpoints/my_bundle"},
        files=("predictions.csv",),
    ),
    "python graph_er/train.py --wf 0 --out model_checkpoints/live": Run(_STAGE3),
    "python graph_er/predict.py --live --pt_dir model_checkpoints/live < turns.jsonl": Run(),
    "python graph_er/predict.py --input data/example/conversation.csv --out predictions.csv --plot "
    "timeline.png --explain 4,8": Run(
        files=("predictions.explain.json", "timeline.explain1.png", "timeline.explain2.png")
    ),
    "python -m graph_er.app": Run(serves=7860),
    # Five systems
    "bash scripts/run_all.sh --corpus kemdy19 --root DIR": Run(
        _STUDY + " {encoders}", files=("runs/kemdy19/report.html",)
    ),
    "python feature_extractor/train.py --corpus vat --root DIR --fusion cross_modal_transformer "
    "--audio_encoder mfcc --freeze_text all": Run(_STAGE1 + " {text}"),
    "python feature_extractor/train.py --corpus kemdy20 --root DIR --split "
    "sessions:33,34,35,36,37,38,39,40 --fusion mlp_mixer --text_encoder beomi/KcELECTRA-base "
    "--audio_encoder kresnik/wav2vec2-large-xlsr-korean --freeze_text all --freeze_audio all": Run(
        _STAGE1
    ),
    "python feature_extractor/train.py --corpus kemdy20 --root DIR --fusion case_compress "
    "--text_encoder klue/bert-base --audio_encoder kresnik/wav2vec2-large-xlsr-korean "
    "--freeze_text all --freeze_audio all": Run(_STAGE1),
    "python feature_extractor/train.py --corpus aihub263 --root DIR --fusion late_fusion "
    "--text_encoder distilbert-base-multilingual-cased --audio_encoder "
    "kresnik/wav2vec2-large-xlsr-korean --freeze_audio cnn": Run(_STAGE1),
    "bash scripts/compare_fusions.sh": Run(
        _FUSIONS,
        files=tuple(f"runs/demo_fusions/{n}" for n in ("report.md", "results.json", "results.png")),
    ),
    "python feature_extractor/demo.py --sessions 30 --out data/demo_long": Run(
        "--dialogues 1 --utterances 8", files=("data/demo_long/demo.json",)
    ),
    "bash scripts/compare_fusions.sh --root data/demo_long --split ids:docs/fusions_split.json "
    "--encoders pretrained --text_encoder model_checkpoints/demo_fusions/encoder_t "
    "--audio_encoder mfcc --modalities at --seeds 5 --name demo_fusions_mfcc": Run(
        "--fusions concat cross_modal_transformer --seeds 1 --epochs 1",
        words={"ids:docs/fusions_split.json": "official"},
        files=("runs/demo_fusions_mfcc/report.md",),
    ),
    "bash scripts/compare_fusions.sh --corpus kemdy20 --root DIR": Run(_FUSIONS + " {encoders}"),
    "bash scripts/run_all.sh --corpus kemdy19 --root /path/to/KEMDy19": Run(
        _STUDY + " --modalities t --name again {encoders}"
    ),
    # Your corpus
    **{
        f"python -m feature_extractor.check --corpus {corpus} --root {root}": Run()
        for corpus, root in (
            *(("kemdy19", "KEMDy19"), ("kemdy20", "KEMDy20_v1_1"), ("aihub263", "AIHub263")),
            *(("aihub_dialogue", "018.감성대화"), ("vat", "VAT"), ("meld", "MELD.Raw")),
            *(("iemocap", "IEMOCAP_full_release"), ("table", "my_dialogues.csv")),
            ("kemdy20", "/path/to/KEMDy20"),
        )
    },
    "python -m feature_extractor.check --expected": Run(),
    "python feature_extractor/train.py --corpus kemdy20 --root KEMDy20_v1_1 --split folds:5 --fold "
    "1 --out model_checkpoints/kemdy20_fold1": Run(_STAGE1 + " {encoders}"),
    "python feature_extractor/eval.py --checkpoint model_checkpoints/kemdy20_fold1 --corpus "
    "kemdy20 --root KEMDy20_v1_1 --side test": Run(),
    "python feature_extractor/extract.py --checkpoint model_checkpoints/kemdy20_fold1 --corpus "
    "kemdy20 --root KEMDy20_v1_1 --out data/kemdy20_fold1.pkl": Run(),
    "python graph_er/train.py --data_dir data/kemdy20_fold1.pkl --out "
    "model_checkpoints/graph_kemdy20_fold1": Run(_STAGE3),
    "python graph_er/eval.py --pt_dir model_checkpoints/graph_kemdy20_fold1 --data_dir "
    "data/kemdy20_fold1.pkl": Run(),
    "bash scripts/run_all.sh --corpus kemdy20 --root KEMDy20_v1_1 --split folds:5 --fold 1": Run(
        _STUDY + " --modalities t {encoders}", files=("runs/kemdy20_fold1/report.html",)
    ),
    # The three stages by hand
    "python feature_extractor/demo.py --out data/demo": Run(
        "--sessions 3 --dialogues 1 --utterances 4", words={"data/demo": "data/demo_again"}
    ),
    "python feature_extractor/train.py --corpus demo --modalities at --out "
    "model_checkpoints/stage1_at": Run(_STAGE1),
    "python feature_extractor/eval.py --checkpoint model_checkpoints/stage1_at --corpus demo --out "
    "runs/stage1_at/eval.json": Run(files=("runs/stage1_at/eval.json",)),
    "python feature_extractor/extract.py --checkpoint model_checkpoints/stage1_at --corpus demo "
    "--out data/demo_features.pkl": Run(),
    "python feature_extractor/extract.py --frozen --corpus demo --out data/demo_frozen.pkl": Run(),
    "python graph_er/train.py --modalities at": Run(
        _STAGE3, files=("model_checkpoints/graph_at/model.pt",)
    ),
    "python graph_er/eval.py --pt_dir model_checkpoints/graph_at": Run(),
    "python graph_er/train.py": Run(_STAGE3 + " --tag other"),
    "python -m graph_er.train": Run(_STAGE3 + " --tag as_module"),
    "python -m graph_er.compare RUN_A RUN_B": Run(
        words={
            "RUN_A": "model_checkpoints/demo/graph_a",
            "RUN_B": "model_checkpoints/demo/graph_at",
        }
    ),
    "python -m graph_er.crossval --data_dir FILE.pkl --seeds 5": Run(_STAGE3 + " --seeds 2"),
    "python -m graph_er.crossval --data_dir FILE.pkl --modalities a --seeds 5": Run(
        _STAGE3 + " --seeds 2"
    ),
    "python -m graph_er.tune --trials 50": Run(
        "--data_dir FILE.pkl --trials 2 --seeds 1 --epochs 1",
        files=("runs/tune_at/best.json",),
    ),
    "bash scripts/run_all.sh --folds 3": Run(
        f"{_FOLDED} {_STUDY} --modalities t", files=("runs/folded/report.html",)
    ),
    # Several processes
    "torchrun --nproc_per_node 2 feature_extractor/train.py --corpus kemdy19 --root DIR --out CKPT "
    "--batch_size 4": Run(_STAGE1 + " {encoders}"),
    _SHARD: Run(),
    "python feature_extractor/merge.py --out F.pkl --parts machine0/F.pkl.parts "
    "machine1/F.pkl.parts": Run(
        before=tuple(
            _SHARD.replace("F.pkl", f"machine{n}/F.pkl").replace("--shard 0", f"--shard {n}")
            for n in (0, 1)
        ),
        files=("F.pkl",),
    ),
    "torchrun --nproc_per_node 2 graph_er/train.py --data_dir F.pkl --out "
    "model_checkpoints/graph_at": Run(_STAGE3, words={"model_checkpoints/graph_at": "graph_two"}),
    "python scripts/benchmark.py": Run("--tiny", files=("runs/benchmark/benchmark.md",)),
    # data/README.md and model_checkpoints/README.md
    "python feature_extractor/extract.py --checkpoint ...": Run(
        "--out data/again.pkl", words={"...": "model_checkpoints/stage1_at"}
    ),
    "python feature_extractor/extract.py --frozen ...": Run("--out data/x.pkl", words={"...": ""}),
    # docs/
    "python -m graph_er.ablation --data_dir FILE.pkl ... --out docs/ablation.json": Run(
        "--seeds 2", words={"...": "", "docs/ablation.json": "runs/ablation.json"}
    ),
    "python feature_extractor/train.py --fusion NAME": Run(_STAGE1, words={"NAME": "mlp_mixer"}),
    "python feature_extractor/train.py --corpus demo --out model_checkpoints/full": Run(
        _STAGE1 + " --root folded"
    ),
    _FOLD1: Run(_STAGE1 + " --root folded"),
    "python feature_extractor/extract.py --corpus demo --checkpoint model_checkpoints/full "
    "--fold_checkpoints model_checkpoints/fold1 model_checkpoints/fold2 model_checkpoints/fold3 "
    "--out data/demo_oof.pkl": Run(
        "--root folded",
        before=tuple(
            f"{_FOLD1} {_STAGE1} --root folded --fold {n} --out model_checkpoints/fold{n}"
            for n in (2, 3)
        ),
    ),
    "python graph_er/train.py --modalities at --data_dir data/demo_oof.pkl --seeds 3": Run(
        _STAGE3 + " --tag oof"
    ),
    "python graph_er/train.py --modalities t --data_dir FILE.pkl --seeds 5 --out RUN": Run(
        _STAGE3 + " --seeds 2"
    ),
    "python graph_er/eval.py --pt_dir RUN --data_dir FILE.pkl": Run(),
    "python scripts/benchmark.py --full": Run(words={"--full": "--tiny"}),
    "python scripts/benchmark.py --plan docs/benchmark.json": Run(),
    "bash scripts/make_docs.sh --data DIR": Run("--tiny --only study", words={"DIR": "real"}),
    "bash scripts/make_docs.sh --only fusions": Run("--tiny", files=("runs/docs_tiny/docs",)),
    "bash scripts/make_docs.sh --only benchmark": Run("--tiny"),
    "bash scripts/make_docs.sh --only out_of_fold": Run(
        "--tiny", files=("runs/docs_tiny/docs/out_of_fold.json",)
    ),
    "bash scripts/make_docs.sh --only real_dialogues --data DIR": Run(
        "--tiny", words={"DIR": "real"}, files=("runs/docs_tiny/docs/real_dialogues.json",)
    ),
    "bash scripts/make_docs.sh --only recordings --data DIR": Run(
        "--tiny", words={"DIR": "real"}, files=("runs/docs_tiny/docs/recordings.json",)
    ),
}

_OF_THE_TESTS = "runs the tests themselves, this one among them"
_INSTALLS = "needs the network; tests/test_installed.py installs the package without it"
# Only told from here: what is checked of them is that they take these options.
NOT_RUN: dict[str, str] = {
    "bash scripts/run_tests.sh": _OF_THE_TESTS,
    "bash scripts/run_tests.sh -m slow": _OF_THE_TESTS,
    "bash scripts/make_docs.sh --only reliability": _OF_THE_TESTS,
    "bash scripts/coverage.sh": _OF_THE_TESTS,
    "bash scripts/run_tests.sh -m fault": _OF_THE_TESTS,
    "python scripts/architecture.py --out docs": "tests/rooms/test_page.py runs it",
    "hf upload USER/NAME BUNDLE": "sends to the Hugging Face hub",
    'pip install ".[app]"': _INSTALLS,
    "pip install '.[egemaps]'": _INSTALLS,
    "pip install .": _INSTALLS,
    "accelerate launch --multi_gpu": "needs several GPUs",
    "python scripts/dependencies.py": "tests/test_dependencies.py holds the page to what it makes",
    **{
        command: "needs the network; tests/test_dependencies.py holds what was made"
        for command in (
            "pip install --require-hashes -r requirements.lock",
            "pip install --require-hashes -r requirements-extras.lock",
            "uv pip compile pyproject.toml --extra app --extra egemaps --generate-hashes "
            "--universal --python-version 3.11 -o requirements-extras.lock",
            "uv pip compile requirements.txt -c requirements-extras.lock --generate-hashes "
            "--universal --python-version 3.11 -o requirements.lock",
            "python -m venv ENV && ENV/bin/pip install --require-hashes -r "
            "requirements-extras.lock",
            "pip install cyclonedx-bom && python scripts/dependencies.py --environment "
            "ENV/bin/python",
            "pip install pip-audit && pip-audit --require-hashes --disable-pip -r "
            "requirements-extras.lock",
        )
    },
}
