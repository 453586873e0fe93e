#!/usr/bin/env bash
# The tables and pictures of docs/ and of both READMEs anew, in one go: many hours on 2 cores.
#
#   bash scripts/make_docs.sh --data DIR              all parts
#   bash scripts/make_docs.sh --only fusions          one part; may be repeated
#
#   --only PART    study            docs/results.json, results.png, conversation.png; tables of the READMEs
#                  fusions          docs/fusions.json, fusions_mfcc.json, fusions_mfcc2.json,
#                                   fusions_mfcc3.json (on fusions_split.json, fusions_split2.json,
#                                   fusions_split3.json), the same without context
#                                   (fusions_alone.json, fusions_alone_mfcc.json,
#                                   fusions_alone_mfcc2.json, fusions_alone_mfcc3.json),
#                                   fusions.png, fusions.md
#                  ablation         docs/ablation.json, ablation.md, ablation_audio.json,
#                                   ablation_audio.md; needs opensmile
#                  real_dialogues   docs/real_dialogues.json, real_dialogues.md, a sentence of the READMEs
#                  recordings       docs/recordings.json, recordings.md; needs opensmile
#                  out_of_fold      docs/out_of_fold.json, out_of_fold.md
#                  benchmark        docs/benchmark.json, .md, .png, scale.md; tables of the READMEs; on a
#                                   CPU with AMX docs/benchmark_amx.json was measured, which is kept
#                  reliability      docs/reliability.json, reliability.md
#                  coverage         docs/coverage.md
#                  architecture     docs/architecture.md, architecture.png
#                  dependencies     docs/sbom.json, dependencies.md; needs the network and cyclonedx-bom
#   --data DIR     dialogue files meld.pkl, emorynlp.pkl and dyadic_sessions1-4.pkl, which ablation and
#                  real_dialogues need, and korean_emotional_speech/metadata.csv, which recordings
#                  needs; they are not part of the project
#   --fresh        start over instead of going on with what is finished
#   --tiny         sizes of the tests, into runs/docs_tiny instead of docs/; its numbers mean nothing
#
# What is finished with the same code and data is not made again. Without --fresh, ablation also keeps
# rows, and fusions encoders, that other code made; reliability, coverage and architecture are always
# made anew. Commit first: study, real_dialogues and benchmark name the commit that they were measured
# at, the other parts name none.
set -euo pipefail
called_from=$PWD
CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

source scripts/setup.sh

parts="study fusions ablation real_dialogues recordings out_of_fold benchmark reliability coverage architecture dependencies"
only=() data= fresh=0 tiny=0
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage scripts/make_docs.sh && exit 0 ;;
    --fresh) fresh=1 && shift && continue ;;
    --tiny) tiny=1 && shift && continue ;;
    --only | --data) [ $# -ge 2 ] || fail "$1 needs a value; see --help" ;;
    *) fail "unknown option $1; see --help" ;;
  esac
  case $1 in
    --only)
      [[ " $parts " == *" $2 "* ]] || fail "--only must be one of $parts, not '$2'"
      only+=("$2")
      ;;
    --data) data=$(from_caller "$2") ;;
  esac
  shift 2
done
[ ${#only[@]} -gt 0 ] || only=($parts)
for part in "${only[@]}"; do
  case $part in
    ablation | real_dialogues)
      for file in meld.pkl emorynlp.pkl dyadic_sessions1-4.pkl; do
        [ -f "$data/$file" ] || fail "$part needs --data, a folder with $file"
      done
      ;;
    recordings)
      recordings=$data/korean_emotional_speech/metadata.csv
      [ -f "$recordings" ] || fail "$part needs --data, a folder with ${recordings#"$data"/}"
      ;;
  esac
done

prepare_python requirements.txt
root=$PWD runs=$PWD/runs/docs demo_root=$PWD/data/demo
study=() fusions=() tuning=() stage1=() stage3=() size=--full name=demo seeds=5 few=3
acoustic=egemaps heard=(--fusions concat distilled_gate --seeds 5 --epochs 40 --batch_size 16) folds=99
frames=(--fusions mfcc_transformer --seeds 3 --epochs 40 --batch_size 16)
long=(--root data/demo_long) split=()
if [ $tiny = 1 ]; then
  runs=$PWD/runs/docs_tiny root=$PWD/runs/docs_tiny demo_root=$PWD/runs/docs_tiny/demo
  name=docs_tiny seeds=2 few=2 size=--tiny stage1=(--epochs 1) stage3=(--epochs 1)
  study=(--seeds 2 --stage1_epochs 1)
  acoustic=mfcc heard=(--fusions concat distilled_gate --seeds 2 --epochs 1) folds=1 # no opensmile
  frames=(--fusions mfcc_transformer --seeds 2 --epochs 1) long=(--root "$demo_root")
  fusions=(--fusions concat distilled_gate --seeds 2 --epochs 1) tuning=(--stage1_epochs 1)
fi
[ $fresh = 0 ] || rm -rf "$runs"
mkdir -p "$runs/steps"
if [ $tiny = 1 ]; then
  cp README.md README.ko.md "$root" && cp -r docs "$root"
  "$python" feature_extractor/demo.py --out "$demo_root" --sessions 6 --dialogues 2 --utterances 8 >&2
fi
docs=$root/docs
force=()
[ $fresh = 0 ] || force=(--force)

source scripts/steps.sh # step
digest() { "$python" scripts/digest.py "$@"; }
inputs=$(digest graph_er feature_extractor requirements.txt) # parts add what they alone read
tables() { "$python" scripts/document_tables.py --root "$root" "$@"; }
run() { "$python" "$@" >&2; }

study() { # the study's own script knows what is finished
  bash scripts/run_all.sh --root "$demo_root" --name $name ${study[@]+"${study[@]}"} \
    ${force[@]+"${force[@]}"} >&2
  cp runs/$name/results.json runs/$name/results.png "$docs"
  run graph_er/study.py --from "$docs/results.json" --readme "$root/README.md" \
    --readme "$root/README.ko.md"
  run graph_er/predict.py --pt_dir model_checkpoints/$name/graph_at \
    --extractor model_checkpoints/$name/concat_at --input data/example/conversation.csv \
    --out "$runs/predictions.csv" --plot "$docs/conversation.png"
}

fusions() {
  local out=${name}_fusions given side
  [ $fresh = 0 ] ||
    rm -rf "runs/$out"{,_alone}{,_mfcc{,2,3}} "model_checkpoints/$out"
  given=(${fusions[@]+"${fusions[@]}"} --root "$demo_root")
  bash scripts/compare_fusions.sh "${given[@]}" --name "$out" ${tuning[@]+"${tuning[@]}"} >&2
  cp "runs/$out/results.json" "$docs/fusions.json"
  cp "runs/$out/results.png" "$docs/fusions.png"
  local encoder=model_checkpoints/$out/encoder_
  given+=(--encoders pretrained --text_encoder "${encoder}t")
  bash scripts/compare_fusions.sh "${given[@]}" --audio_encoder "${encoder}a" --context 0 \
    --name "${out}_alone" >&2
  cp "runs/${out}_alone/results.json" "$docs/fusions_alone.json"
  [ $tiny = 1 ] || [ -e data/demo_long ] ||
    run feature_extractor/demo.py --sessions 30 --out data/demo_long
  given+=("${long[@]}" --audio_encoder mfcc --modalities at --seeds $seeds)
  for side in "" 2 3; do # three training sides
    [ $tiny = 1 ] || split=(--split "ids:docs/fusions_split$side.json")
    bash scripts/compare_fusions.sh "${given[@]}" ${split[@]+"${split[@]}"} --name "${out}_mfcc$side" >&2
    cp "runs/${out}_mfcc$side/results.json" "$docs/fusions_mfcc$side.json"
    bash scripts/compare_fusions.sh "${given[@]}" ${split[@]+"${split[@]}"} --context 0 \
      --name "${out}_alone_mfcc$side" >&2
    cp "runs/${out}_alone_mfcc$side/results.json" "$docs/fusions_alone_mfcc$side.json"
  done
  tables fusions
}

ablation() { # rows that are there are not run again unless the file is another
  local audio=$runs/demo_$acoustic.pkl
  [ $fresh = 0 ] || rm -f "$docs/ablation.json" "$docs/ablation_audio.json"
  run -m graph_er.ablation --data_dir "$data/dyadic_sessions1-4.pkl" --data_dir "$data/meld.pkl" \
    --seeds $seeds --out "$docs/ablation.json"
  make_demo demo "$demo_root"
  [ -e "$audio" ] || run feature_extractor/extract.py --frozen --modalities a \
    --audio_encoder $acoustic --corpus demo --root "$demo_root" --out "$audio"
  run -m graph_er.ablation --modalities a --data_dir "$data/dyadic_sessions1-4.pkl" \
    --data_dir "$audio" --seeds $seeds --out "$docs/ablation_audio.json"
}

real_dialogues() {
  local out=$runs/real_dialogues code=$inputs inputs row options session
  graph() { # name data option ...
    local folder=$out/$1 file=$2 inputs
    inputs="$code $(cksum <"$file")"
    changed=0
    shift 2
    step "real_${folder##*/}" "$folder" "$python" graph_er/train.py --data_dir "$file" --seeds $seeds \
      --out "$folder" "$@" ${stage3[@]+"${stage3[@]}"}
    step "real_${folder##*/}_eval" "$folder/eval.json" "$python" graph_er/eval.py --pt_dir "$folder" \
      --data_dir "$file" --out "$folder/eval.json"
  }
  graph meld "$data/meld.pkl" --modalities t
  graph emorynlp "$data/emorynlp.pkl" --modalities t
  inputs="$code $(cat "$data/dyadic_sessions1-4.pkl" scripts/documents/real_dialogues.py | cksum)"
  changed=0
  step real_sessions "$out/sessions" tables sessions \
    --data_dir "$data/dyadic_sessions1-4.pkl" --out "$out/sessions"
  for session in "$out"/sessions/*.pkl; do
    while read -r row options; do
      graph "dyadic_$row-$(basename "$session" .pkl)" "$session" $options
    done <<<"at --modalities at
causal --modalities at --wf 0
t --modalities t
a --modalities a"
  done
  tables real_dialogues --runs "$out"
}

recordings() { # every fold, features of clips as they are and scaled by speaker, and frames
  local out=$runs/recordings fold run_name given inputs=$inputs
  given="$inputs $(find "${recordings%/*}" -type f -exec cksum {} + | LC_ALL=C sort | cksum)"
  inputs="$given $(digest scripts/documents/recordings.py)"
  step recordings_folds "$out/folds" tables recording_folds --table "$recordings" \
    --out "$out/folds" --most $folds
  inputs="$given $(digest "$out/folds")"
  train_on() { # folder columns option ...: every fold of these columns
    local folder=$1 columns=$2
    shift 2
    for fold in "$out"/folds/*.json; do
      run_name=$folder/$(basename "$fold" .json)
      case " $columns " in *" $(basename "${fold%-*}") "*) ;; *) continue ;; esac
      changed=0
      step "recordings_${run_name/\//_}" "$out/$run_name/results.json" "$python" \
        feature_extractor/compare_fusions.py --corpus table --root "$recordings" --modalities a \
        --split "ids:$fold" "$@" --out "$out/$run_name" --cache_dir "$out/cache"
    done
  }
  train_on as_they_are "plain emotional" --audio_encoder $acoustic "${heard[@]}"
  train_on by_speaker "plain emotional shared" --audio_encoder $acoustic --speaker_scaling \
    "${heard[@]}"
  train_on mfcc_by_speaker "plain emotional" --audio_encoder mfcc --speaker_scaling "${frames[@]}"
  tables recordings --runs "$out"
}

out_of_fold() { # each seed of stage 1: the whole, its folds, three dialogue files, three graphs
  make_demo demo "$demo_root"
  local out=$runs/out_of_fold seed fold kind corpus
  corpus=(--corpus demo --root "$demo_root")
  local inputs="$inputs $(digest "$demo_root/annotation" "$demo_root/demo.json" "$demo_root/wav")"
  stage1() { # folder seed option ...
    local folder=$out/$1 number=$2
    shift 2
    step "oof_${folder##*/}" "$folder" "$python" feature_extractor/train.py "${corpus[@]}" \
      --seed "$number" --out "$folder" --resume "$@" ${stage1[@]+"${stage1[@]}"}
  }
  score1() { # folder side
    step "oof_$1_$2" "$out/$1/eval_$2.json" "$python" feature_extractor/eval.py "${corpus[@]}" \
      --checkpoint "$out/$1" --side "$2" --out "$out/$1/eval_$2.json"
  }
  for ((seed = 0; seed < few; seed++)); do
    changed=0
    stage1 whole$seed $seed
    for fold in 1 2 3; do stage1 fold${fold}_$seed $seed --split inner:3 --fold $fold; done
    if [ $seed = 0 ]; then
      score1 whole0 train
      for fold in 1 2 3; do score1 fold${fold}_0 test; done
    fi
    for kind in in_fold aligned unaligned; do
      local folds # apart: the Bash of macOS would expand the braces to three assignments
      folds=(--fold_checkpoints "$out"/fold{1,2,3}_$seed)
      case $kind in in_fold) folds=() ;; unaligned) folds+=(--no-align) ;; esac
      step "oof_${kind}_${seed}_features" "$out/${kind}_$seed.pkl" "$python" \
        feature_extractor/extract.py "${corpus[@]}" --checkpoint "$out/whole$seed" ${folds[@]+"${folds[@]}"} \
        --out "$out/${kind}_$seed.pkl"
      step "oof_${kind}_$seed" "$out/${kind}_$seed" "$python" graph_er/train.py --modalities at \
        --data_dir "$out/${kind}_$seed.pkl" --seeds $few --out "$out/${kind}_$seed" \
        ${stage3[@]+"${stage3[@]}"}
      step "oof_${kind}_${seed}_test" "$out/${kind}_$seed/eval_test.json" "$python" graph_er/eval.py \
        --pt_dir "$out/${kind}_$seed" --data_dir "$out/${kind}_$seed.pkl" \
        --out "$out/${kind}_$seed/eval_test.json"
    done
  done
  tables out_of_fold --runs "$out" --seeds $few
}

benchmark() {
  local inputs="$inputs $(digest scripts/benchmark.py scripts/benchmarks)"
  step benchmark "$runs/benchmark" "$python" scripts/benchmark.py $size --out "$runs/benchmark"
  cp "$runs"/benchmark/benchmark.{json,md,png} "$docs"
  [ $tiny = 1 ] || tables benchmark # a plan wants a full one
}

reliability() {
  prepare_python tests/requirements.txt
  if [ $tiny = 1 ]; then # none of them is small
    run -m pytest -q tests/faults -m fault --collect-only
    return
  fi
  rm -f "$docs/reliability.json"
  run -m pytest -q tests/faults -m "fault or not fault" -n 2 --reliability "$docs/reliability.json"
  tables reliability
}

coverage() {
  if [ $tiny = 1 ]; then return; fi
  bash scripts/coverage.sh >&2
}

architecture() { run scripts/architecture.py --out "$docs"; }

dependencies() { # the bill of materials is that of an environment of the lock alone
  if [ $tiny = 1 ]; then return; fi
  local inputs=$(cksum <requirements-extras.lock)
  step environment "$runs/environment" new_environment
  run scripts/dependencies.py --environment "$runs/environment/bin/python"
}
new_environment() {
  "$python" -m venv "$runs/environment"
  "$runs/environment/bin/python" -m pip install --quiet --require-hashes \
    -r requirements-extras.lock
}

for part in "${only[@]}"; do
  echo "==== $part" >&2
  started=$SECONDS changed=0
  $part
  echo "==== $part: $((SECONDS - started)) s" >&2
done
