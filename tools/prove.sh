#!/bin/bash
# SPDX-License-Identifier: MIT
# The proofs that need modules built in another way: make asan, tsan, valgrind, memerr, coverage. Each has its modules,
# and tools/host.c to run them in, under build/<proof>/<lua>. SPEC: what to run instead of all that the proof runs.
# The Luas run at the same time: the last of them is seen at once, the others when they have ended.
#
#   prove.sh PROOF
set -eu
cd "$(dirname "$0")/.."

proof=$1
LUAS=${LUAS:-lua5.4 luajit}
BUSTED=$(command -v "${BUSTED:-busted}")
DEBUG="-O1 -g -fno-omit-frame-pointer"
WRAP="-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc" # for tools/failing.c
SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined"

# build CFLAGS LDFLAGS [SOURCE-OF-THE-HOST…]: for $lua, into $B
build() {
  cflags=$1 ldflags=$2
  shift 2
  make -s --no-print-directory LUA="$lua" B="$B" CFLAGS="$cflags" LDFLAGS="$ldflags" HOST_SRC="$*" \
    modules "$B/bin/$lua" "$B/spec_process.so"
}

# The programs the specs start are ours too; nothing of the tree's own build is.
enter() {
  PATH=$PWD/$B/bin:$PATH
  LUA=$lua
  eval "$(make -s LUA="$lua" B="$B" env)"
}

# prove LUA: as a process of its own, for it changes the environment.
prove() {
  lua=$1
  B=build/$proof/$lua
  echo "== $proof, $lua"
  SANITIZER=$proof # the specs are told by this
  export LUA PATH SANITIZER
  unset LUA_PATH LUA_CPATH
  case $proof in
  asan)
    build "$DEBUG $SANITIZE" "$SANITIZE -Wl,-z,nodelete"
    make -s LUA="$lua" B="$B" CFLAGS="$DEBUG $SANITIZE" LDFLAGS="$SANITIZE" lib # a program: nothing to wrap, to keep
    enter
    known=tools/asan.supp
    [ "$lua" = lua5.4 ] || known=tools/luajit.supp
    LSAN_OPTIONS="suppressions=$PWD/$known:print_suppressions=0"
    export LSAN_OPTIONS
    # shellcheck disable=SC2086
    "$lua" "$BUSTED" ${SPEC:-spec}
    ;;
  tsan)
    build "$DEBUG -fsanitize=thread" "-fsanitize=thread"
    enter
    # shellcheck disable=SC2086
    TSAN_OPTIONS="exitcode=66 die_after_fork=0" "$lua" "$BUSTED" \
      ${SPEC:-spec/httpd_spec.lua spec/engine_spec.lua spec/loop_spec.lua spec/sandbox}
    ;;
  valgrind)
    build "$DEBUG" "-Wl,-z,nodelete"
    enter
    # A forked child gives the memory of the engine it inherited to nobody, by design: that is a leak to valgrind.
    # shellcheck disable=SC2086
    valgrind --quiet --error-exitcode=99 --leak-check=full --child-silent-after-fork=yes \
      "$B/bin/$lua" "$BUSTED" --filter-out=fork \
      ${SPEC:-spec/json_spec.lua spec/http1_spec.lua spec/core_spec.lua spec/crypto_spec.lua spec/webhook_spec.lua
        spec/engine_spec.lua spec/loop_spec.lua spec/httpd_spec.lua spec/sandbox/init_spec.lua}
    ;;
  memerr)
    build "$DEBUG $SANITIZE" "$SANITIZE -Wl,-z,nodelete $WRAP" tools/failing.c
    enter
    LSAN_OPTIONS="suppressions=$PWD/tools/memerr.supp:print_suppressions=0" "$lua" tools/memerr.lua
    ;;
  coverage)
    rm -rf "$B/lines"
    find "$B" -name '*.gcda' -delete 2>/dev/null || true
    # Without counters of its own: they would be set to naught in a forked child.
    make -s LUA="$lua" B="$B" CFLAGS="$DEBUG" "$B/spec_process.so"
    build "-O0 -g --coverage" "--coverage $WRAP" tools/lines.c tools/failing.c
    make -s LUA="$lua" B="$B" CFLAGS="-O0 -g --coverage" LDFLAGS="--coverage" lib
    enter
    LOMI_LINES=$PWD/$B/lines
    export LOMI_LINES
    mkdir -p "$LOMI_LINES"
    status=0
    # shellcheck disable=SC2086
    "$lua" "$BUSTED" ${SPEC:-spec} || status=1
    "$lua" tools/memerr.lua || status=1
    return "$status"
    ;;
  esac
}

make -s LUA=luajit --no-print-directory modules # for nginx, which the specs start as it is
declare -A pid
trap '[ ${#pid[@]} = 0 ] || kill -- "${pid[@]/#/-}" 2>/dev/null || true' EXIT
last=${LUAS##* }
set -m # process groups of their own, which can be ended whole
for lua in $LUAS; do
  mkdir -p "build/$proof/$lua"
  if [ "$lua" = "$last" ]; then prove "$lua" 2>&1 & else prove "$lua" >"build/$proof/$lua/log" 2>&1 & fi </dev/null
  pid[$lua]=$!
done
set +m
failed=""
for lua in $last ${LUAS% *}; do
  [ -n "${pid[$lua]:-}" ] || continue # the last one, told already
  wait "${pid[$lua]}" || failed="$failed $lua"
  unset "pid[$lua]"
  [ "$lua" = "$last" ] || cat "build/$proof/$lua/log"
done

[ "$proof" != coverage ] || lua5.4 tools/coverage.lua build/coverage
if [ -n "$failed" ]; then
  echo "$proof: not clean on$failed" >&2
  exit 1
fi
echo "$proof: clean"
