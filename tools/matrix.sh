#!/bin/bash
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1

usage() {
  cat <<'END'
Runs `make demo`, `sudo make install`, `make test` and `make warnings` on other Debian releases and processors, in
chroots, as an ordinary user with sudo, and prints a table. Fails unless both commands and every spec pass and no
compiler warns. Needs root, Debian, and 3 GB of memory. It tries the last commit.

  tools/matrix.sh [NAME...]     NAME: RELEASE or RELEASE-ARCHITECTURE, such as trixie or bookworm-i386;
                                arm64: trixie-arm64, under qemu. Default: bookworm trixie sid bookworm-i386

  MATRIX_TEST    a command in place of `make test`, such as "make test LUA=lua5.4"
  MATRIX_CACHE   where the bare chroots are kept: /var/cache/lomi-matrix

The specs run on a machine of their own: its name is in no file, its only network is its loopback, and its name server
never answers. Mounts, processes and files live in namespaces and a tmpfs, so that the kernel removes them however this
ends. Only the cache and build/matrix/*.log stay.
END
}

for name in "$@"; do
  case $name in
  -h | --help) usage && exit ;;
  -*) echo "matrix: $name: no such option; see tools/matrix.sh --help" >&2 && exit 2 ;;
  esac
done

# Where the kernel is told which interpreter runs which programs.
BINFMT=/proc/sys/fs/binfmt_misc

mount_binfmt() {
  [ ! -e $BINFMT/register ] || return 0
  mount -t binfmt_misc binfmt_misc $BINFMT && return
  echo "matrix: arm64 needs a kernel with binfmt_misc: CONFIG_BINFMT_MISC, or its module" >&2
  return 1
}

# unregister NAME: in a mount namespace of its own, for nothing may stay mounted.
unregister() {
  export BINFMT
  export -f mount_binfmt
  # shellcheck disable=SC2016
  unshare --mount bash -c 'mount_binfmt && [ ! -e $BINFMT/$0 ] || echo -1 >$BINFMT/$0' "$1"
}

if [ -z "${MATRIX_ENTERED:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "matrix: needs root: chroots are made and mounted" >&2 && exit 1; }
  ./deps.sh matrix || exit 1
  # When the last process of this run has ended, however it ended, qemu is not registered any more.
  case " $* " in *arm64*) exec 9> >(trap "" HUP INT TERM && cat && unregister lomi-arm64-$$) ;; esac
  exec env MATRIX_ENTERED=$$ unshare --mount --propagation private --uts --pid --fork --kill-child "$0" "$@"
fi
trap 'exit 130' INT TERM

CACHE=${MATRIX_CACHE:-/var/cache/lomi-matrix}
LOGS=$PWD/build/matrix
PACKAGES=ca-certificates,git,make,sudo # what the README expects

# The URL this machine's apt has Debian from.
mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1
}

# While this is registered, the kernel runs programs for arm64 by qemu. The file's first bytes, and a mask; F: qemu is
# opened now, so that a chroot need not have it; C: sudo may change the user.
ELF='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
ELF_MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

emulate() {
  local qemu name=lomi-arm64-$MATRIX_ENTERED
  [ ! -e "$BINFMT/$name" ] || return 0
  ./deps.sh matrix-arm64 && qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) && mount_binfmt || return
  echo ":$name:M::$ELF:$ELF_MASK:$qemu:FC" >"$BINFMT/register"
}

# A bare chroot, made once and kept.
base() {
  local release=$1 arch=$2 at=$CACHE/$1-$2
  [ ! -d "$at" ] || return 0
  echo "matrix: making the chroot $at"
  rm -rf "$at.new"
  mkdir -p "$CACHE" || return
  debootstrap --arch="$arch" --variant=minbase --include=$PACKAGES "$release" "$at.new" "$(mirror)" || return
  mv "$at.new" "$at"
}

# A copy of it in a tmpfs, with this commit's tree in the home directory of an ordinary user.
enter() {
  local release=$1 arch=$2 root=$3
  mount -t tmpfs -o mode=755 tmpfs "$root" && cp -a "$CACHE/$release-$arch/." "$root" || return
  mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t sysfs -o ro sysfs "$root/sys" || return
  cp /etc/resolv.conf "$root/etc/" || return
  printf '%s localhost\n' 127.0.0.1 ::1 >"$root/etc/hosts"
  apt-config dump | grep -E '^Acquire::https?::Proxy' >"$root/etc/apt/apt.conf.d/90proxy"
  # Sid's Release file is out of date wherever the mirror is not of today.
  [ "$release" != sid ] || echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90dates"
  echo "deb-src $(mirror) $release main" >"$root/etc/apt/sources.list.d/source.list" || return
  chroot "$root" useradd --create-home --shell /bin/sh tester || return
  echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/tester"
  git -c safe.directory='*' bundle create -q "$root/home/tester/lomi.bundle" HEAD || return
  echo "emulated=$emulated$INSTALL" >"$root/home/tester/install.sh"
  echo "emulated=$emulated${SPECS/MATRIX_TEST/"${MATRIX_TEST:-make test}"}" >"$root/home/tester/specs.sh"
}

# inside ROOT COMMAND…: with ROOT as a whole machine's root: in a mere chroot no user namespace can be made.
# shellcheck disable=SC2016
inside() {
  $personality unshare --mount --propagation private sh -c '
    cd "$0" && pivot_root . mnt && umount --lazy /mnt && exec "$@"' "$@"
}

TESTER="setpriv --reuid=tester --regid=tester --init-groups \
env -i HOME=/home/tester USER=tester PATH=/usr/local/bin:/usr/bin:/bin"

# The ordinary user installs, with a network. Debian has no lua-cjson for Lua 5.5: it is built from its source, as
# docs/compatibility.md says.
# shellcheck disable=SC2016
INSTALL='
  cd && git -c advice.detachedHead=false clone -q lomi.bundle lomi && cd lomi || exit 1
  make demo && sudo make install && lomi --version && echo "result commands pass"
  sudo make uninstall # the specs run the tree
  make deps-test
  if [ -n "$emulated" ]; then
    rm -rf build/nginx # not tried there, and the specs find no network to fetch it again
    exit
  fi
  make deps-warnings
  [ -n "$(apt-cache search --names-only "^lua5.5$")" ] || exit 0
  ./deps.sh lua5.5
  cd .. && apt-get source --tar-only lua-cjson && tar xzf lua-cjson_*.orig.tar.gz &&
    make -C lua-cjson-*/ LUA_INCLUDE_DIR=/usr/include/lua5.5 &&
    sudo install -D lua-cjson-*/cjson.so /usr/local/lib/lua/5.5/cjson.so
'

# Then the specs run, beside a process of root: the name server that never answers.
ALONE="
  ip link set lo up && echo nameserver 127.0.0.1 >/etc/resolv.conf && exec lua5.4 -e '
    silent = require(\"socket\").udp()
    assert(silent:setsockname(\"127.0.0.1\", 53))
    os.execute(\"$TESTER sh /home/tester/specs.sh\")'"

# Lines "result NAME VALUE" make the row.
# shellcheck disable=SC2016
SPECS='
  cd ~/lomi || exit 1
  specs=pass
  # The specs are told by EMULATOR; -Werror in place of make warnings, which would take an hour there.
  [ -z "$emulated" ] || export EMULATOR=qemu CFLAGS="-O2 -Werror"
  MATRIX_TEST || specs=fail
  [ ! -x /usr/bin/lua5.5 ] || make test LUA=lua5.5 || specs=fail
  echo "result specs $specs"
  if [ -n "$emulated" ]; then make -s all; else make -s warnings; fi && echo "result warnings none"
  version() { dpkg-query -W -f "\${source:Upstream-Version}" "$1" 2>/dev/null; }
  echo "result lua $(version lua5.4) $(version lua5.5)"
  echo "result luajit $(version luajit2)$(version luajit)"
  echo "result libcurl $(pkg-config --modversion libcurl)"
  echo "result openssl $(pkg-config --modversion libcrypto)"
  echo "result microhttpd $(pkg-config --modversion libmicrohttpd)"
  nginx=$(PATH=$PATH:/usr/sbin:build/nginx/usr/sbin; nginx -v 2>&1 | sed -n "s,^nginx version: nginx/,,p")
  echo "result nginx ${nginx:--}"
  echo "result compilers gcc $(gcc -dumpfullversion)$([ -n "$emulated" ] || echo ", clang $(clang -dumpversion)")"
  ls -A /tmp # what the specs have left, if anything
  echo "result left $(ls -A /tmp | wc -l)"
'

# The row: "== LUA" begins a Lua, busted closes it with its counts.
row() {
  awk -v name="$1" -v seconds="$3" '
    /^== lua/ { lua = $2; begun++ }
    / successes? \/ .* pending/ { specs = specs sprintf("%s %d/%d/%d  ", lua, $1, $4 + $7, $10); ran++ }
    /^result / { key = $2; sub(/^result [a-z]+ */, ""); got[key] = $0 }
    END {
      printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, got["lua"], got["luajit"], got["libcurl"],
        got["openssl"], got["microhttpd"], got["nginx"], got["compilers"], got["warnings"], got["commands"], specs, seconds
      exit !(got["commands"] == "pass" && got["specs"] == "pass" && ran == begun && ran > 0 &&
        got["warnings"] == "none" && got["left"] == 0)
    }' "$2"
}

run() {
  local name=$1 release=${1%%-*} arch start=$SECONDS
  arch=$(case $name in *-*) echo "${name#*-}" ;; *) dpkg --print-architecture ;; esac)
  local root=/mnt log=$LOGS/$name.log personality=linux64 emulated=""
  [ "$arch" != i386 ] || personality=linux32
  [ "$arch" != arm64 ] || [ "$(dpkg --print-architecture)" = arm64 ] || emulated=yes
  echo "matrix: $name: see $log"
  { [ -z "$emulated" ] || emulate; } >"$log" 2>&1 && base "$release" "$arch" >>"$log" 2>&1 || return
  # shellcheck disable=SC2086
  enter "$release" "$arch" "$root" >>"$log" 2>&1 && {
    inside "$root" $TESTER sh /home/tester/install.sh
    inside "$root" unshare --net sh -c "$ALONE"
  } >>"$log" 2>&1 </dev/null
  umount --recursive --lazy "$root"
  table+=$'\n'$(row "$release $arch" "$log" $((SECONDS - start)))
}

[ $# -gt 0 ] || set -- bookworm trixie sid bookworm-i386
mkdir -p "$LOGS" || exit 1
[ -z "$(git -c safe.directory='*' status --porcelain)" ] || echo "matrix: what is not committed is not tried"
hostname matrix # not in /etc/hosts
table=$(printf '%s\t' release Lua LuaJIT libcurl OpenSSL microhttpd nginx compilers warnings "demo, install" \
  "specs: passed/failed/pending")seconds
failed="" pending=()
for name in "$@"; do
  [ "$name" != arm64 ] || name=trixie-arm64
  run "$name" || failed="$failed $name"
  pending+=("$LOGS/$name.log")
done
date +%Y-%m-%d
column -t -s $'\t' <<<"$table"
echo "pending, and why:"
grep -hA2 '^Pending' "${pending[@]}" | grep -v '^Pending\|^--\|^$' | sort | uniq -c
[ -n "$failed" ] || exit 0
for name in $failed; do
  echo "-- $name, the failures and the end of its log"
  grep -E -A 12 '^(Failure|Error) ' "$LOGS/$name.log"
  tail -n 40 "$LOGS/$name.log"
done
exit 1
