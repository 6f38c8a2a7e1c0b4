#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the packages that a command needs and this machine lacks, and names them. Asks for root only if one is missing.
#
#   ./deps.sh PURPOSE...    demo, test, lint, …: see packages_of; lua5.4, lua5.5, luajit: that Lua
#
# Without apt-get it changes nothing: it prints what to install with dnf, apk or brew.
set -eu
cd "$(dirname "$0")"

have() { command -v "$1" >/dev/null; }

# On Debian 12 LuaJIT is luajit2, and nginx's Lua module links libpcre3; from 13 on it is luajit, and no libpcre3 is left.
if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
  luajit="luajit2 libluajit2-5.1-dev" for_nginx=libpcre3
else
  luajit="luajit libluajit-5.1-dev" for_nginx=""
fi

packages_of() {
  case $1 in
  lua5.*) echo "$1 lib$1-dev" ;;
  luajit) echo "$luajit" ;;
  demo) echo ca-certificates gcc libc6-dev make pkg-config lua-cjson libcurl4-openssl-dev libssl-dev libmicrohttpd-dev lua-argparse ;;
  test) packages_of demo && echo "$luajit $for_nginx g++ git groff-base iproute2 locales openssl" \
    lua-busted lua-cqueues lua-dbi-sqlite3 lua-luv lua-sec lua-socket ;;
  lint) packages_of demo && echo "$luajit clang-format clang-tidy cppcheck lua-check" ;;
  warnings) packages_of demo && echo "$luajit clang" ;;
  bench) packages_of test && echo wrk ;;
  rivals) echo lua-curl lua-http ;; # the libraries that make bench compares lomi with
  fuzz) packages_of demo && echo clang libclang-rt-dev ;;
  valgrind) packages_of test && echo valgrind ;;
  browser) packages_of demo && echo chromium && { have node || echo nodejs; } && { have npm || echo npm; } ;;
  shop) packages_of demo && echo "$luajit $for_nginx lua-dbi-sqlite3" ;;
  screenshots) packages_of browser && packages_of shop && echo fonts-inter pngquant ;;
  love) packages_of demo && echo "$luajit libgl1-mesa-dri love xauth xvfb" ;;
  musl) packages_of demo && echo "$luajit musl-tools" ;;
  rocks) packages_of demo && echo git luarocks ;;
  matrix) echo debootstrap git ;;
  matrix-arm64) echo qemu-user-static ;;
  *) echo "deps: $1: no such purpose; see $0" >&2 && exit 2 ;;
  esac
}

elsewhere() {
  have cc && have pkg-config && pkg-config --exists libcurl libcrypto libmicrohttpd && return
  cat >&2 <<'END'
deps: this machine has no apt-get, so nothing was installed. make demo and make test need:
  Fedora: sudo dnf install gcc gcc-c++ make pkgconf lua lua-devel luajit luajit-devel lua-cjson lua-argparse lua-socket \
    libcurl-devel openssl-devel libmicrohttpd-devel openssl luarocks
  Alpine: apk add build-base pkgconf lua5.4 lua5.4-dev luajit luajit-dev lua5.4-cjson lua-cjson lua5.4-argparse \
    lua5.4-socket curl-dev openssl-dev libmicrohttpd-dev openssl luarocks5.4 lua5.4-busted
  macOS:  brew install pkgconf lua@5.4 luajit curl openssl@3 libmicrohttpd luarocks
and, where no package has them: luarocks install lua-cjson argparse luasocket busted (each alone, for each Lua).
Where Lua 5.4 has another name: make demo LUA=lua (the name of its command and of its pkg-config file).
END
  exit 1
}

missing() {
  for purpose in "$@"; do
    for package in $(packages_of "$purpose"); do
      [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
  done | sort -u | tr '\n' ' '
}

# as_root WHAT COMMAND…: WHAT is what to ask an administrator for, where nobody here can be root.
as_root() {
  wanted=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif ! have sudo || ! sudo "$@"; then
    echo "deps: that takes root, or sudo; ask an administrator to run: $wanted" >&2
    exit 1
  fi
}

install() {
  echo "deps: installing $*"
  ask="apt-get install --no-install-recommends $*"
  as_root "$ask" apt-get update -qq
  as_root "$ask" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# nginx for the specs, unpacked and not installed: Debian's package would start a web server, now and at every boot.
nginx() {
  for root in "" build/nginx; do
    [ ! -x "$root/usr/sbin/nginx" ] || [ ! -e "$root/usr/lib/nginx/modules/ngx_http_lua_module.so" ] || return 0
  done
  echo "deps: unpacking nginx and its Lua module under build/nginx"
  rm -rf build/nginx && mkdir -p build/nginx/packages
  if ! (cd build/nginx/packages && apt-get download -qq nginx libnginx-mod-http-lua libnginx-mod-http-ndk lua-resty-core \
    lua-resty-lrucache); then
    rm -rf build/nginx
    echo "deps: nginx cannot be had here; the specs that need it will be pending, and the shop cannot run" >&2
    return 0
  fi
  for package in build/nginx/packages/*.deb; do dpkg-deb -x "$package" build/nginx; done
  rm -r build/nginx/packages
}

# Some specs charge under a locale with a decimal comma, or with letters that have other capitals.
locales() {
  for name in fr_FR.UTF-8 tr_TR.UTF-8 tr_TR.ISO-8859-9; do
    [ "$(LC_ALL=$name locale charmap 2>/dev/null)" != "${name#*.}" ] || continue
    echo "deps: making the locale $name"
    as_root "localedef -i ${name%.*} -f ${name#*.} $name" localedef -i "${name%.*}" -f "${name#*.}" "$name"
  done
}

if ! have apt-get; then
  elsewhere
  exit
fi
for purpose in "$@"; do packages_of "$purpose" >/dev/null; done # ends here if one is unknown
needed=$(missing "$@")
# shellcheck disable=SC2086
[ -z "$needed" ] || install $needed
case " $* " in
*" test "* | *" bench "*) nginx && locales ;;
*" shop "* | *" screenshots "*) nginx ;;
esac
