# Sourced by run_all.sh and make_docs.sh: steps that are done once, in lanes side by side; $runs/steps
# keeps the marks.
#
# $inputs says what the steps depend on beside their command lines.

# A step is skipped if it was finished with the very same command, code and corpus, its target is
# still there, and nothing before it was made anew. One that was interrupted goes on where it
# stopped; any other starts with its target put aside, until it is finished.
changed=0
step() { # name target command ...
  local name=$1 target=$2 done=$runs/steps/$1.done begun=$runs/steps/$1.begun start=$SECONDS old
  shift 2
  local key="$inputs $*"
  # Another attempt than this was ended before it was through.
  [ "$(cat "$begun" 2>/dev/null)" = "$key" ] || put_back "$target" "$done" "$begun"
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
  local status=0
  if [ "$(type -t "$1")" = function ]; then # whose commands this shell could not end
    "$@" >&2 || status=$?
  else
    (trap - INT && exec "$@") >&2 </dev/null & # which else would not hear Ctrl-C
    wait $! || status=$?
  fi
  if [ $status != 0 ]; then
    # Bad input (status 2) is found before any work.
    [ $status != 2 ] || put_back "$target" "$done" "$begun"
    exit $status
  fi
  rm -rf "$target.before" "$done.before"
  mv "$begun" "$done"
  echo "== $name: $((SECONDS - start)) s" >&2
}

put_back() { # target done begun: what was finished before the last attempt, if anything was
  [ -e "$2.before" ] || return 0
  if [ -e "$1.before" ]; then
    rm -rf "$1"
    mv "$1.before" "$1"
  fi
  rm -f "$3"
  mv "$2.before" "$2"
}

# Lanes run at once, each on its share of the cores. The first speaks; what another says is shown when
# it ends. Where one fails, all are ended, and with them the script.
lanes=() lane_logs=()
lane() { # name function ...
  local log=$runs/steps/$1.log
  shift
  if [ ${#lanes[@]} = 0 ]; then
    in_lane "$@" &
    log=
  else
    in_lane "$@" >"$log" 2>&1 &
  fi
  lanes+=($!) lane_logs+=("$log")
}

in_lane() { # function ...
  trap - EXIT
  trap 'end_jobs 130; exit 130' INT
  trap 'end_jobs 143; exit 143' TERM
  local cores function
  cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) # macOS has no nproc
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(((cores + 1) / 2))}
  for function in "$@"; do "$function"; done
}

wait_for_lanes() {
  local number log status
  while [ ${#lanes[@]} -gt 0 ]; do
    sleep 0.5
    for number in "${!lanes[@]}"; do
      if kill -0 "${lanes[$number]}" 2>/dev/null; then continue; fi
      status=0 log=${lane_logs[$number]}
      wait "${lanes[$number]}" || status=$?
      unset "lanes[$number]"
      [ $status = 0 ] || end_jobs $status # first: the cause is to be told last
      [ -z "$log" ] || tr '\r' '\n' <"$log" | grep -vE '/s]|/s, .*]|^$' >&2 || true
      [ $status = 0 ] || exit $status
    done
  done
  lane_logs=()
}

# A script that ends, also by Ctrl-C or TERM, ends its lanes and they their commands, which run in the
# background for that: while a shell waits for one in the foreground, it hears no signal.
end_jobs() { # status with which the shell ends
  local status=$1 running tenths=0
  running=$(jobs -p)
  # Commands hear Ctrl-C as well, and may have something to clear up.
  while [ $status = 130 ] && [ -n "$running" ] && [ $tenths -lt 100 ] && kill -0 $running 2>/dev/null; do
    sleep 0.1
    tenths=$((tenths + 1))
  done
  [ -z "$running" ] || kill $running 2>/dev/null || true
  wait
}
trap 'end_jobs $?' EXIT
trap 'end_jobs 130; trap - EXIT INT; kill -INT $$' INT
