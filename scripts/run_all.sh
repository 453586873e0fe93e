#!/usr/bin/env bash
# The whole study in order: corpus, stage 1, stage 2, stage 3 with several seeds, report.
#
#   bash scripts/run_all.sh                                        on the embedded demo corpus
#   bash scripts/run_all.sh --corpus kemdy19 --root /path/to/KEMDy19
#
#   --corpus NAME            demo (default) or kemdy19
#   --root DIR               where the corpus lies (demo: made there; default data/demo)
#   --seeds N                seeds of stage 3 (default 5)
#   --stage1_epochs N        epochs of stage 1 (default: the corpus's)
#   --text_encoder ID        hub id or folder (default: the corpus's)
#   --audio_encoder ID       hub id or folder (default: the corpus's)
#   --sentence_encoder ID    sentence-transformers text features in the frozen condition
#   --device NAME            auto (default), cpu or cuda
#   --force                  start over instead of reusing what is finished (the corpus is kept)
#
# Results: runs/<corpus>/report.html, report.md, results.json; checkpoints: model_checkpoints/<corpus>/.
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' scripts/run_all.sh; }
fail() {
  echo "error: $1" >&2
  exit 2
}

from_caller() { case $1 in /*) echo "$1" ;; *) echo "$called_from/$1" ;; esac }
local_or_hub() { if [ -d "$called_from/$1" ]; then from_caller "$1"; else echo "$1"; fi; }

# ---- options -------------------------------------------------------------------------------------
corpus=demo root= seeds=5 device=auto force=0 sentence=()
stage1=() encoders=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --force) force=1 && shift && continue ;;
    --corpus | --root | --seeds | --stage1_epochs | --text_encoder | --audio_encoder | --sentence_encoder | --device)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help"
      ;;
    *) fail "unknown option $1; see --help" ;;
  esac
  case $1 in
    --corpus) corpus=$2 ;;
    --root) root=$(from_caller "$2") ;;
    --seeds) seeds=$2 ;;
    --stage1_epochs) stage1+=(--epochs "$2") ;;
    --text_encoder | --audio_encoder) encoders+=("$1" "$(local_or_hub "$2")") ;;
    --sentence_encoder) sentence=(--sentence_encoder "$(local_or_hub "$2")") ;;
    --device) device=$2 ;;
  esac
  shift 2
done
case $corpus in
  demo) root=${root:-$PWD/data/demo} ;;
  kemdy19) [ -n "$root" ] || fail "--corpus kemdy19 needs --root, the folder that holds annotation/ and wav/" ;;
  *) fail "unknown corpus $corpus; known are demo and kemdy19" ;;
esac
[[ $seeds =~ ^[1-9][0-9]*$ ]] || fail "--seeds must be a whole number of at least 1, not '$seeds'"

source scripts/setup.sh
prepare_python requirements.txt
runs=runs/$corpus checkpoints=model_checkpoints/$corpus
tuned=data/${corpus}_features.pkl frozen=data/${corpus}_frozen.pkl
corpus_options=(--corpus "$corpus" --root "$root")
if [ $force = 1 ]; then rm -rf "$runs" "$checkpoints" "$tuned" "$frozen"*.parts "$tuned"*.parts "$frozen"; fi
mkdir -p "$runs/steps"
started=$SECONDS

# What the steps depend on beside their command lines: the code, and what the corpus says.
digest() { "$python" -c 'import hashlib, pathlib, sys
whole = hashlib.sha256()
for name in sys.argv[1:]:
    for path in sorted(p for p in [pathlib.Path(name), *pathlib.Path(name).rglob("*")] if p.is_file()):
        if path.suffix in (".py", ".txt", ".json", ".csv") and "report" not in path.parts:
            whole.update(path.as_posix().encode() + b"\0" + path.read_bytes())
print(whole.hexdigest()[:16])' "$@"; }

# A step is skipped if it was finished with the very same command, code and corpus, its target is
# still there, and nothing before it was made anew. One that was interrupted goes on where it stopped; any other
# starts with its target removed.
changed=0
step() { # name target command ...
  local name=$1 target=$2 done=$runs/steps/$1.done begun=$runs/steps/$1.begun start=$SECONDS old
  shift 2
  local key="$inputs $*"
  if [ $changed = 0 ] && [ -e "$target" ] && [ "$(cat "$done" 2>/dev/null)" = "$key" ]; then
    echo "== $name: finished before" >&2
    return
  fi
  if [ $changed = 1 ] || [ -f "$done" ] || [ "$(cat "$begun" 2>/dev/null)" != "$key" ]; then
    for old in "$done" "$target"; do
      rm -rf "$old.before"
      [ ! -e "$old" ] || mv "$old" "$old.before"
    done
  fi
  changed=1
  echo "== $name" >&2
  printf '%s' "$key" >"$begun"
  "$@" >&2 || {
    local status=$?
    # Bad input (status 2) is found before any work; what was there before is put back.
    if [ $status = 2 ] && [ -e "$target.before" ]; then
      rm -rf "$target" "$begun"
      mv "$target.before" "$target"
      [ ! -e "$done.before" ] || mv "$done.before" "$done"
    fi
    exit $status
  }
  rm -rf "$target.before" "$done.before"
  mv "$begun" "$done"
  echo "== $name: $((SECONDS - start)) s" >&2
}

# ---- corpus --------------------------------------------------------------------------------------
if [ "$corpus" = demo ] && [ ! -e "$root" ]; then
  "$python" feature_extractor/demo.py --out "$root" >&2
fi

inputs=$(digest graph_er feature_extractor requirements.txt "$root/annotation" "$root/demo.json")

# ---- stage 1: utterance classifiers; method (1) of the table -------------------------------------
for m in a t at; do
  folder=$checkpoints/concat_$m
  step "stage1_$m" "$folder" "$python" feature_extractor/train.py "${corpus_options[@]}" \
    --modalities $m --out "$folder" --device "$device" --resume \
    ${encoders[@]+"${encoders[@]}"} ${stage1[@]+"${stage1[@]}"}
  step "stage1_${m}_eval" "$folder/eval.json" "$python" feature_extractor/eval.py \
    "${corpus_options[@]}" --checkpoint "$folder" --out "$folder/eval.json" --device "$device"
done

# ---- stage 2: dialogue files ---------------------------------------------------------------------
step stage2_frozen "$frozen" "$python" feature_extractor/extract.py "${corpus_options[@]}" \
  --frozen --out "$frozen" --device "$device" ${encoders[@]+"${encoders[@]}"} ${sentence[@]+"${sentence[@]}"}
step stage2_tuned "$tuned" "$python" feature_extractor/extract.py "${corpus_options[@]}" \
  --checkpoint "$checkpoints/concat_at" --out "$tuned" --device "$device"

# ---- stage 3: graphs; methods (2) and (3) --------------------------------------------------------
for method in graph_frozen graph; do
  [ $method = graph ] && data=$tuned || data=$frozen
  for m in a t at; do
    folder=$checkpoints/${method}_$m
    step "${method}_$m" "$folder" "$python" graph_er/train.py --modalities $m \
      --data_dir "$data" --seeds "$seeds" --tag "${corpus}_${method}_$m" --out "$folder" \
      --device "$device"
    step "${method}_${m}_eval" "$folder/eval.json" "$python" graph_er/eval.py --pt_dir "$folder" \
      --data_dir "$data" --out "$folder/eval.json" --device "$device"
  done
done

# ---- report --------------------------------------------------------------------------------------
"$python" graph_er/study.py --runs "$checkpoints" --data_dir "$tuned" --out "$runs"
echo "== finished in $((SECONDS - started)) s: $runs/report.html" >&2
