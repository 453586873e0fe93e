#!/usr/bin/env bash
# Every fusion model on one corpus: same split, same frozen encoders, same budget, several seeds.
#
#   bash scripts/compare_fusions.sh                                on the embedded demo corpus
#   bash scripts/compare_fusions.sh --corpus kemdy20 --root /path/to/KEMDy20
#
#   --corpus NAME, --root PATH, --split SPEC, --fold K, --labels_of, --multi_label, --target,
#   --emotion_map, --classes  the corpus, as in scripts/run_all.sh
#   --encoders HOW            tuned (default): text and audio encoder are first fine-tuned on the training
#                             side, each alone; pretrained: both are taken as they are
#   --text_encoder ID         hub id or folder to start from (default: a Korean one, for the demo a tiny one)
#   --audio_encoder ID        likewise; with --encoders pretrained also mfcc or egemaps
#   --speaker_scaling         scale mfcc and egemaps by speaker, see docs/fusions.md
#   --name NAME               of the results (default: <corpus>_fusions; with --fold K also _foldK)
#   --seeds N                 seeds of each model (default 3)
#   --stage1_epochs N         epochs of the encoders' fine-tuning (default: the corpus's)
#   --device NAME             auto (default), cpu or cuda
#   --context K               earlier utterances at hand with each (default 4): their texts, and their
#                             audio for models that can hear it
#   --fusions, --modalities, --epochs, --batch_size, --weight_decay, --lanes
#                             as feature_extractor/compare_fusions.py --help tells
#
# Results: runs/<name>/report.md, results.json, results.png. A second run reuses what is finished.
set -euo pipefail
called_from=$PWD
CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

source scripts/setup.sh

corpus=demo root= fold= encoders=tuned name= device=auto text= audio= modalities=at scaling=0
reading=() stage1=() study=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage scripts/compare_fusions.sh && exit 0 ;;
    --speaker_scaling) scaling=1 && study+=("$1") && shift && continue ;;
    --fusions | --modalities) # one or more values
      option=$1 values=()
      shift
      while [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; do values+=("$1") && shift; done
      [ ${#values[@]} -gt 0 ] || fail "$option needs a value; see --help"
      study+=("$option" "${values[@]}")
      [ "$option" = --fusions ] || modalities="${values[*]}"
      continue
      ;;
  esac
  [ $# -ge 2 ] || fail "$1 needs a value; see --help"
  case $1 in
    --corpus) corpus=$2 ;;
    --root) root=$(from_caller "$2") ;;
    --split) reading+=(--split "$(split_from_caller "$2")") ;;
    --fold) fold=$2 && reading+=("$1" "$2") ;;
    --labels_of | --multi_label | --target | --classes) reading+=("$1" "$2") ;;
    --emotion_map) reading+=("$1" "$(from_caller "$2")") ;;
    --encoders) encoders=$2 ;;
    --text_encoder) text=$(local_or_hub "$2") ;;
    --audio_encoder) audio=$(local_or_hub "$2") ;;
    --name) name=$2 ;;
    --stage1_epochs) stage1+=(--epochs "$2") ;;
    --device) device=$2 ;;
    --seeds | --epochs | --batch_size | --weight_decay | --context | --lanes) study+=("$1" "$2") ;;
    *) fail "unknown option $1; see --help" ;;
  esac
  shift 2
done
case $encoders in tuned | pretrained) ;; *) fail "--encoders must be tuned or pretrained, not '$encoders'" ;; esac
name=${name:-${corpus}_fusions${fold:+_fold$fold}}
check_name "$name"
case $scaling$modalities in 0* | *a*) ;; *) fail "--speaker_scaling scales audio; leave it out, or add a to --modalities" ;; esac
root=$(root_of "$corpus" "$root")
[ "$encoders" = tuned ] || [ ${#stage1[@]} = 0 ] || fail "--stage1_epochs goes with --encoders tuned"

prepare_python requirements.txt
started=$SECONDS
corpus_options=(--corpus "$corpus" --root "$root" ${reading[@]+"${reading[@]}"})
make_demo "$corpus" "$root"

tune() { # modality, option of the encoder to start from, encoder
  local folder=model_checkpoints/$name/encoder_$1
  "$python" feature_extractor/train.py "${corpus_options[@]}" --modalities "$1" --out "$folder" \
    --device "$device" --resume ${3:+"$2" "$3"} ${stage1[@]+"${stage1[@]}"} >&2
}
if [ "$encoders" = tuned ]; then
  # Only what is read: a corpus may have no audio, or no texts.
  case $modalities in
    *t*)
      tune t --text_encoder "$text"
      text=model_checkpoints/$name/encoder_t
      ;;
  esac
  case $modalities in
    *a*)
      tune a --audio_encoder "$audio"
      audio=model_checkpoints/$name/encoder_a
      ;;
  esac
fi

"$python" feature_extractor/compare_fusions.py "${corpus_options[@]}" --device "$device" \
  --out "runs/$name" ${text:+--text_encoder "$text"} ${audio:+--audio_encoder "$audio"} \
  ${study[@]+"${study[@]}"}
echo "== finished in $((SECONDS - started)) s: runs/$name/report.md" >&2
