#!/usr/bin/env bash
# The whole study in order: corpus, stage 1, stage 2, stage 3 with several seeds, report.
#
#   bash scripts/run_all.sh                                        on the embedded demo corpus
#   bash scripts/run_all.sh --corpus kemdy19 --root /path/to/KEMDy19
#
#   --corpus NAME            demo (default), kemdy19, kemdy20, aihub263, aihub_dialogue, vat, iemocap,
#                            meld, or table: your own dialogues, see data/README.md
#   --root PATH              where it lies, a folder, for table a file (demo: made there; default data/demo)
#   --modalities M           at: audio, text and both; a or t: that alone (default: what the corpus has)
#   --split SPEC, --fold K   another split than the corpus's own; feature_extractor/train.py --help tells
#   --folds K                also graphs on out-of-fold features: stage 1 K times more, see docs/out_of_fold.md
#   --labels_of, --multi_label, --target, --emotion_map, --classes
#                            how the corpus is read; likewise
#   --name NAME              of the results (default: the corpus; with --fold K also _foldK)
#   --seeds N                seeds of stage 3 (default 5)
#   --stage1_epochs N        epochs of stage 1 (default: the corpus's)
#   --text_encoder ID        hub id or folder (default: a Korean one, for the demo a tiny one)
#   --audio_encoder ID       hub id or folder (likewise); or mfcc or egemaps, acoustic features
#   --sentence_encoder ID    sentence-transformers text features in the frozen condition
#   --device NAME            auto (default), cpu or cuda
#   --force                  start over instead of reusing what is finished (the corpus is kept)
#
# Results: runs/<name>/report.html, report.md, results.json; checkpoints: model_checkpoints/<name>/, with
# the models in one folder, model_checkpoints/<name>/bundle, for graph_er/predict.py and graph_er/app.py.
set -euo pipefail
called_from=$PWD
CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

source scripts/setup.sh

# ---- options -------------------------------------------------------------------------------------
corpora="demo kemdy19 kemdy20 aihub263 aihub_dialogue vat iemocap meld table"
corpus=demo root= modalities= split= fold= folds= name= seeds=5 device=auto force=0
sentence=() stage1=() encoders=() reading=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage scripts/run_all.sh && exit 0 ;;
    --force) force=1 && shift && continue ;;
    --corpus | --root | --modalities | --split | --fold | --folds | --name | --seeds | --stage1_epochs | --device) ;;
    --labels_of | --multi_label | --target | --emotion_map | --classes) ;;
    --text_encoder | --audio_encoder | --sentence_encoder) ;;
    *) fail "unknown option $1; see --help" ;;
  esac
  [ $# -ge 2 ] || fail "$1 needs a value; see --help"
  case $1 in
    --corpus) corpus=$2 ;;
    --root) root=$(from_caller "$2") ;;
    --modalities) modalities=$2 ;;
    --split) split=$(split_from_caller "$2") ;;
    --fold) fold=$2 ;;
    --folds) folds=$2 ;;
    --name) name=$2 ;;
    --labels_of | --multi_label | --target | --classes) reading+=("$1" "$2") ;;
    --emotion_map) reading+=("$1" "$(from_caller "$2")") ;;
    --seeds) seeds=$2 ;;
    --stage1_epochs) stage1+=(--epochs "$2") ;;
    --text_encoder | --audio_encoder) encoders+=("$1" "$(local_or_hub "$2")") ;;
    --sentence_encoder) sentence=(--sentence_encoder "$(local_or_hub "$2")") ;;
    --device) device=$2 ;;
  esac
  shift 2
done
[[ " $corpora " == *" $corpus "* ]] || fail "unknown corpus $corpus; known are $corpora"
root=$(root_of "$corpus" "$root")
case $modalities in "" | a | t | at) ;; *) fail "--modalities must be a, t or at, not '$modalities'" ;; esac
name=${name:-$corpus${fold:+_fold$fold}}
check_name "$name"
[[ ${folds:-2} =~ ^([2-9]|[1-9][0-9]+)$ ]] || fail "--folds must be a whole number of at least 2, not '$folds'"
[[ $seeds =~ ^[1-9][0-9]*$ ]] || fail "--seeds must be a whole number of at least 1, not '$seeds'"

prepare_python requirements.txt
runs=runs/$name checkpoints=model_checkpoints/$name
tuned=data/${name}_features.pkl frozen=data/${name}_frozen.pkl oof=data/${name}_oof.pkl
corpus_options=(--corpus "$corpus" --root "$root" ${reading[@]+"${reading[@]}"})
[ -z "$split" ] || corpus_options+=(--split "$split")
[ -z "$fold" ] || corpus_options+=(--fold "$fold")
started=$SECONDS

# What the steps depend on beside their command lines: the code, the encoders, what the corpus says.
code=(graph_er feature_extractor requirements.txt ${encoders[@]+"${encoders[@]}"} ${sentence[@]+"${sentence[@]}"})
digest() { "$python" scripts/digest.py "$@"; }

source scripts/steps.sh # step, lane, wait_for_lanes

# ---- corpus --------------------------------------------------------------------------------------
make_demo "$corpus" "$root"

if [ "$corpus" = demo ] && [ -z "$split" ]; then # nothing in it needs a check
  inputs=$(digest "${code[@]}" "$root/annotation" "$root/demo.json" "$root/wav")
  has=at
else # status 2 here, with all that is wrong named, rather than after hours
  echo "== checking the corpus" >&2
  "$python" feature_extractor/check.py "${corpus_options[@]}" --json "$runs/corpus.json" >&2
  read -r has content < <("$python" -c 'import json, sys
found = json.load(open(sys.argv[1], encoding="utf-8"))
print(found["modalities"] or "nothing", *found["sha256"].values())' "$runs/corpus.json")
  [ "$has" != nothing ] || fail "$root: neither audio nor texts are on every side of the split"
  inputs="$(digest "${code[@]}") $content"
fi
if [ $force = 1 ]; then
  rm -rf "$checkpoints" "$tuned" "$frozen"*.parts "$tuned"*.parts "$frozen" "$oof"*.parts "$oof" \
    "$runs"/{steps,report.md,report.html,results.json,results.png}
fi
mkdir -p "$runs/steps"
modalities=${modalities:-$has}
[ $modalities = at ] && selections=(a t at) || selections=($modalities)

# ---- stage 1: utterance classifiers; method (1) of the table -------------------------------------
stage1() { # modalities
  local folder=$checkpoints/concat_$1
  step "stage1_$1" "$folder" "$python" feature_extractor/train.py "${corpus_options[@]}" \
    --modalities $1 --out "$folder" --device "$device" --resume \
    ${encoders[@]+"${encoders[@]}"} ${stage1[@]+"${stage1[@]}"}
  step "stage1_${1}_eval" "$folder/eval.json" "$python" feature_extractor/eval.py \
    "${corpus_options[@]}" --checkpoint "$folder" --out "$folder/eval.json" --device "$device"
}

# ---- stage 3: graphs; methods (2) and (3) --------------------------------------------------------
stage3() { # method data
  local method=$1 data=$2 m folder
  for m in "${selections[@]}"; do
    folder=$checkpoints/${method}_$m
    step "${method}_$m" "$folder" "$python" graph_er/train.py --modalities $m \
      --data_dir "$data" --seeds "$seeds" --tag "${name}_${method}_$m" --out "$folder" \
      --device "$device"
    step "${method}_${m}_eval" "$folder/eval.json" "$python" graph_er/eval.py --pt_dir "$folder" \
      --data_dir "$data" --out "$folder/eval.json" --device "$device"
  done
}

# ---- the study as two chains, with stage 2, the dialogue files, between stages 1 and 3 -----------
tuned_features() {
  stage1 $modalities
  step stage2_tuned "$tuned" "$python" feature_extractor/extract.py "${corpus_options[@]}" \
    --checkpoint "$checkpoints/concat_$modalities" --out "$tuned" --device "$device"
}
tuned_graphs() { # and, for the folder to take away, a causal graph for live answers
  local m=$modalities
  stage3 graph "$tuned"
  step "live_$m" "$live" "$python" graph_er/train.py --modalities $m --data_dir "$tuned" --wf 0 \
    --seeds 1 --tag "${name}_live_$m" --out "$live" --device "$device"
  step "live_${m}_eval" "$live/eval.json" "$python" graph_er/eval.py --pt_dir "$live" \
    --data_dir "$tuned" --out "$live/eval.json" --device "$device"
  # Extractor, graph and causal graph in one folder.
  # Killed after it was made and before the step was marked, it is made again.
  step bundle "$checkpoints/bundle" "$python" graph_er/bundle.py --overwrite \
    --extractor "$checkpoints/concat_$m" --pt_dir "$checkpoints/graph_$m" --live_pt_dir "$live" \
    --data_dir "$tuned" --out "$checkpoints/bundle"
}
frozen_features() { # and stage 1 of what the other chain does not need
  local m
  for m in "${selections[@]}"; do
    [ $m = $modalities ] || stage1 $m
  done
  step stage2_frozen "$frozen" "$python" feature_extractor/extract.py "${corpus_options[@]}" \
    --frozen --modalities $modalities --out "$frozen" --device "$device" \
    ${encoders[@]+"${encoders[@]}"} ${sentence[@]+"${sentence[@]}"}
}
frozen_graphs() { stage3 graph_frozen "$frozen"; }

# Two lanes at once, since one of these small networks does not keep two cores busy. Encoders of
# full size are trained one after another: two may not fit into memory.
live=$checkpoints/live_$modalities
if [ "$corpus" = demo ] && [ ${#encoders[@]} = 0 ] && [ ${#sentence[@]} = 0 ]; then
  lane tuned tuned_features tuned_graphs
  lane frozen frozen_features frozen_graphs
else
  tuned_features
  changed_tuned=$changed changed=0
  frozen_features
  changed_frozen=$changed
  changed=$changed_tuned
  lane tuned tuned_graphs
  changed=$changed_frozen
  lane frozen frozen_graphs
fi
wait_for_lanes

# ---- out-of-fold features: stages 1 to 3 once more; method (4) -----------------------------------
if [ -n "$folds" ]; then
  changed=0
  inner=inner:$folds${split:+@$split${fold:+/$fold}}
  fold_checkpoints=()
  for ((k = 1; k <= folds; k++)); do
    folder=$checkpoints/fold${k}_of_$folds
    fold_checkpoints+=("$folder")
    step "stage1_fold${k}_of_$folds" "$folder" "$python" feature_extractor/train.py \
      --corpus "$corpus" --root "$root" ${reading[@]+"${reading[@]}"} --split "$inner" --fold $k \
      --modalities $modalities --out "$folder" --device "$device" --resume \
      ${encoders[@]+"${encoders[@]}"} ${stage1[@]+"${stage1[@]}"}
  done
  # Made anew also after stage 1 on the whole training side.
  [ "$oof" -nt "$checkpoints/concat_$modalities/model.safetensors" ] || changed=1
  step stage2_oof "$oof" "$python" feature_extractor/extract.py "${corpus_options[@]}" \
    --checkpoint "$checkpoints/concat_$modalities" --fold_checkpoints "${fold_checkpoints[@]}" \
    --out "$oof" --device "$device"
  stage3 graph_oof "$oof"
else
  rm -f "$checkpoints"/graph_oof_*/eval.json # of an earlier study, which had them
fi

# Of another corpus, reading, split or code: no rows of this study.
for m in a t at; do
  for method in concat graph graph_frozen graph_oof; do
    mark=$runs/steps/${method/concat/stage1}_${m}_eval.done folder=$checkpoints/${method}_$m
    if [ -e "$folder/eval.json" ] && [[ "$(cat "$mark" 2>/dev/null)" != "$inputs "* ]]; then
      echo "== $folder/eval.json is of an earlier study, of something else: removed" >&2
      rm -f "$folder/eval.json"
    fi
  done
done

# ---- report --------------------------------------------------------------------------------------
"$python" graph_er/study.py --runs "$checkpoints" --data_dir "$tuned" --out "$runs" \
  --modalities "${selections[@]}"
echo "== finished in $((SECONDS - started)) s: $runs/report.html" >&2
