#!/bin/sh
# SPDX-License-Identifier: MIT
# make install, make uninstall. A record under the prefix names each file, with its Lua, and each directory that was made:
# uninstall removes these, and nothing else. A file that both Luas bring (the command, lomi.pc) belongs to the Lua that was
# installed last.
#
#   install.sh install|uninstall|pc   LUA, LUA_VERSION, LUA_PKG, B, DESTDIR, PREFIX, LIBS: as in the Makefile
set -eu
cd "$(dirname "$0")/.."

case $PREFIX in /*) ;; *) PREFIX=$(pwd)/$PREFIX ;; esac
root=$DESTDIR$PREFIX
record=share/lomi/installed
owner=$(basename "$LUA")
work=$(mktemp -d)
stage=$work/stage
trap 'rm -rf "$work"' EXIT

# put MODE FILE TO
put() {
  mkdir -p "$stage/$(dirname "$3")"
  cp "$2" "$stage/$3"
  chmod "$1" "$stage/$3"
}

# Prints lomi.pc.
pc() {
  version=$(sed -n 's/^#define LOMI_VERSION "\([^"]*\)".*/\1/p' src/lomi.h)
  prefix=$(printf %s "$PREFIX" | sed 's/ /\\ /g; s/[\\&|]/\\&/g') # a space is "\ " to pkg-config; the rest is for sed
  sed -e "s|@PREFIX@|$prefix|; s|@LUA_VERSION@|$LUA_VERSION|; s|@LUA_PKG@|$LUA_PKG|; s|@VERSION@|$version|" \
    -e "s|@LIBS@|$LIBS|" tools/lomi.pc.in
}

# Prints the command. It finds the modules beside its own directory, else (run by a symbolic link) under the prefix.
command_script() {
  cat <<END
#!/usr/bin/env $LUA
-- SPDX-License-Identifier: MIT
for _, prefix in ipairs { [[$PREFIX]], (arg[0]:match "^.*/" or "") .. ".." } do
  local lua = prefix .. "/share/lua/$LUA_VERSION/"
  package.path = lua .. "?.lua;" .. lua .. "?/init.lua;" .. package.path
  package.cpath = prefix .. "/lib/lua/$LUA_VERSION/?.so;" .. package.cpath
end
END
  tail -n +3 bin/lomi
}

# All files, in place under a directory of our own.
fill_stage() {
  for file in $(cd lua && find . -name '*.lua'); do put 644 "lua/$file" "share/lua/$LUA_VERSION/${file#./}"; done
  put 644 types/lomi/tables.lua "share/lua/$LUA_VERSION/lomi/tables.lua" # for editors
  for file in "$B"/lomi/*.so; do put 755 "$file" "lib/lua/$LUA_VERSION/lomi/$(basename "$file")"; done
  command_script >"$work/command"
  put 755 "$work/command" bin/lomi

  put 644 "$B/liblomi.a" "lib/lua/$LUA_VERSION/liblomi.a"
  put 644 src/lomi_open.h include/lomi_open.h
  pc >"$work/pc"
  put 644 "$work/pc" lib/pkgconfig/lomi.pc
  put 644 "$work/pc" "lib/pkgconfig/lomi-$owner.pc"

  [ -e "$B/lomi.1" ] || return 0
  put 644 "$B/lomi.1" share/man/man1/lomi.1
  put 644 "$B/lomi.bash" share/bash-completion/completions/lomi
  put 644 "$B/lomi.zsh" share/zsh/site-functions/_lomi
  put 644 "$B/lomi.fish" share/fish/vendor_completions.d/lomi.fish
}

# How many files of this Lua are there.
count() {
  if [ -e "$root/$record" ]; then grep -c "^$owner " "$root/$record" || true; else echo 0; fi
}

remove() {
  [ -e "$root/$record" ] || return 0
  sed -n "s|^$owner ||p" "$root/$record" | while read -r path; do rm -f "$root/$path"; done
  grep -v "^$owner " "$root/$record" >"$work/kept" || true
  if grep -qv '^dir ' "$work/kept"; then cp "$work/kept" "$root/$record"; else rm "$root/$record"; fi
  sed -n 's/^dir //p' "$work/kept" | sort -r | while read -r path; do rmdir "$root/$path" 2>/dev/null || true; done
}

install() {
  fill_stage
  remove # a file of an older version may not be in this one
  mkdir -p "$root" "$stage/$(dirname "$record")"
  : >"$work/new"
  (cd "$stage" && find . -mindepth 1 -type d | sort) | while read -r path; do
    [ -d "$root/$path" ] && continue
    mkdir -m 755 "$root/$path"
    echo "dir ${path#./}" >>"$work/new"
  done
  (cd "$stage" && find . -type f) | while read -r path; do
    rm -f "$root/$path" # a process that runs keeps the old one
    cp -p "$stage/$path" "$root/$path"
    echo "$owner ${path#./}" >>"$work/new"
  done
  if [ -e "$root/$record" ]; then
    awk 'NR == FNR { own[$2] } NR != FNR && !($2 in own)' "$work/new" "$root/$record" >"$work/others"
    cat "$work/others" >>"$work/new"
  fi
  cp "$work/new" "$root/$record"
  chmod 644 "$root/$record"
  echo "lomi for $owner is installed under $root: $(count) files"
  show_paths
}

# The variables for require "lomi", unless this Lua looks under the prefix anyway.
show_paths() {
  lua=$PREFIX/share/lua/$LUA_VERSION
  lib=$PREFIX/lib/lua/$LUA_VERSION
  case ";$("$LUA" -e 'io.write(package.path, ";", package.cpath)');" in
    *";$lua/?.lua;"*";$lib/?.so;"*) return ;;
  esac
  echo "$owner does not look there. For require \"lomi\":"
  echo "  export LUA_PATH=\"$lua/?.lua;$lua/?/init.lua;\${LUA_PATH:-;}\""
  echo "  export LUA_CPATH=\"$lib/?.so;\${LUA_CPATH:-;}\""
}

uninstall() {
  files=$(count)
  if [ "$files" = 0 ]; then
    echo "nothing of lomi for $owner is installed under $root"
  else
    remove
    echo "lomi for $owner is removed from $root: $files files"
  fi
}

"$1"
