#!/bin/sh
# Mutation testing of the files that .cargo/mutants.toml lists: mutants.sh K/N takes the K-th of N shares of them (K from 1).
#
# Each file has a directory under target/mutants, which holds what was found so far. Run again, a share goes on where it
# was stopped and tries the survivors anew. A mutant is tried against the tests of its own module first; if it survives, against
# the domain's, then against the simulator's. What was killed stays noted as killed: after a test was weakened, remove
# target/mutants.
set -eu

shard=${1:-1/1}
k=${shard%/*} n=${shard#*/}
tool=${CARGO_MUTANTS:?the path of cargo-mutants}
root=$PWD
export CARGO_TARGET_DIR="$root/target/mutants/build-$k" CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0

# mutate FILE DIRECTORY PACKAGE SECONDS [the front of the tests' names]: a test that runs longer than that hangs.
mutate() {
  status=0
  "$tool" mutants -j1 --iterate --no-shuffle --colors never --baseline skip --timeout "$4" --build-timeout 1800 \
    --re "^$1:" --output "$2" --test-package "$3" -- --lib ${5:+"$5"} >>"$2/log" 2>&1 || status=$?
  # 2: some survive. 3: some ran into the timeout.
  case $status in
  0 | 2 | 3) ;;
  *)
    echo "mutants: cargo-mutants ended with $status, see $2/log" >&2
    exit "$status"
    ;;
  esac
}

# What is red without a mutant would kill every one.
cargo test --quiet --locked --lib --no-default-features -p mirrorsnap-domain -p mirrorsnap -p mirrorsnap-sim >/dev/null

# The domain first: its mutants take seconds, those of the functions take the simulator.
i=0 survivors=0
for file in $("$tool" mutants --list-files | sort); do
  i=$((i + 1))
  [ $((i % n)) -eq $((k % n)) ] || continue
  out="$root/target/mutants/$(echo "$file" | tr / .)"
  mkdir -p "$out"
  echo "mutants: $file"
  case $file in
  functions/domain/src/*)
    module=$(echo "${file#functions/domain/src/}" | sed 's:[/.].*::')
    mutate "$file" "$out" mirrorsnap-domain 60 "$module::"
    mutate "$file" "$out" mirrorsnap-domain 120
    ;;
  *) mutate "$file" "$out" mirrorsnap 60 ;;
  esac
  mutate "$file" "$out" mirrorsnap-sim 240
  found=$out/mutants.out
  sort "$found/missed.txt" "$found/timeout.txt"
  survivors=$((survivors + $(cat "$found/missed.txt" "$found/timeout.txt" | wc -l)))
done
echo "mutants: $survivors in this share survive"
[ "$survivors" -eq 0 ]
