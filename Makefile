# lomi. `make demo` creates a card charge in a local sandbox, `make test` runs every spec, `make help` lists the rest.

LUA     ?= lua5.4
LUAS    ?= $(if $(filter command environment,$(firstword $(origin LUA))),$(LUA),lua5.4 luajit)
LUA_PKG ?= $(LUA)
PREFIX  ?= /usr/local
CC      ?= cc
BUSTED  ?= busted
SPEC    ?= spec

B := build/$(LUA)
O  = $(B)/obj

CFLAGS ?= -O2 -g
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ALL_CFLAGS = -std=gnu99 -fPIC -fvisibility=hidden -ffunction-sections $(WARN) $(CFLAGS)
# What differs by system: a module, without the functions it does not call; a program that shows its symbols to
# modules; the library with dlopen; where pkg-config looks. Homebrew keeps libraries that macOS has too in directories
# of their own.
SYSTEM := $(shell uname -s)
ifeq ($(SYSTEM),Darwin)
  SHARED     := -bundle -undefined dynamic_lookup -Wl,-dead_strip
  BREW       := $(shell brew --prefix 2>/dev/null)
  PKG_CONFIG := PKG_CONFIG_PATH="$(PKG_CONFIG_PATH)$(foreach keg,curl openssl@3 lua@5.4,:$(BREW)/opt/$(keg)/lib/pkgconfig)" \
    pkg-config
else
  SHARED     := -shared -Wl,--gc-sections
  EXPORT     := -Wl,-E
  DL         := $(if $(filter Linux,$(SYSTEM)),-ldl)
  PKG_CONFIG := pkg-config
endif

# epoll on Linux, kqueue elsewhere. POLLER=kqueue: kqueue on Linux, of libkqueue, which is installed under KQUEUE.
ifeq ($(POLLER),kqueue)
  B          := build/kqueue/$(LUA)
  ALL_CFLAGS += -DLOMI_KQUEUE -DLOMI_PORTABLE $(if $(KQUEUE),-I$(KQUEUE)/include/kqueue)
  ifdef KQUEUE
    POLLER_LIB := -L$(KQUEUE)/lib -Wl,-rpath,$(KQUEUE)/lib
  endif
  POLLER_LIB += -lkqueue
endif

pkg = $(if $(strip $(2)),$(shell $(PKG_CONFIG) $(1) $(2)))

# ---- What each module is made of, and what it links. Nothing links a Lua library: the host brings one. ----

MODULES    := core engine crypto httpd
core_SRC   := core_lua.c json_lua.c json_encode_lua.c json_decode_lua.c text.c schema_lua.c http1.c http1_lua.c \
  message_lua.c resume_lua.c buffer.c os.c stay_loaded.c
engine_SRC := engine_lua.c engine.c connection.c connector.c poller.c os.c http1.c message_lua.c buffer.c stay_loaded.c
engine_PKG := libcurl
engine_LIB := $(POLLER_LIB)
crypto_SRC := crypto_lua.c stay_loaded.c
crypto_PKG := libcrypto
httpd_SRC  := httpd_lua.c httpd.c httpd_state.c httpd_loop.c httpd_requests.c httpd_app.c httpd_reply.c message_lua.c http1.c \
  os.c buffer.c stay_loaded.c
httpd_PKG  := libmicrohttpd

PKG_CFLAGS = $(call pkg,--cflags,$(LUA_PKG) $(foreach module,$(MODULES),$($(module)_PKG)))

SO := $(MODULES:%=$(B)/lomi/%.so)

.PHONY: all modules
all: $(LUAS:%=modules-%) ## the C modules, for Lua 5.4 and LuaJIT; LUA=lua5.5 for that one

modules: $(SO) # for one of them: make modules LUA=luajit

modules-%:
	@$(MAKE) --no-print-directory LUA=$* modules

$(O)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(PKG_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
$(B)/lomi/%.so: $$(addprefix $(O)/,$$(addsuffix .o,$$(basename $$($$*_SRC))))
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(LDFLAGS) -o $@ $^ $(call pkg,--libs,$($*_PKG)) $($*_LIB) -pthread

# All of the client in one archive, its Lua modules compiled in: for programs with Lua inside. Not the sandbox, not the
# command.
LIB_C   := $(sort $(core_SRC) $(engine_SRC) $(crypto_SRC)) open.c
LIB_LUA := $(filter-out lua/lomi/sandbox/% lua/lomi/cli/% lua/lomi/cli.lua,$(shell find lua -name '*.lua' | sort))

.PHONY: lib
lib: $(B)/liblomi.a $(B)/embed-host ## liblomi.a and an example host, for one Lua (LUA=lua5.4)

$(O)/modules.c: tools/embed.lua $(LIB_LUA)
	@mkdir -p $(@D)
	$(LUA) $< $(LIB_LUA) > $@

$(O)/modules.o: $(O)/modules.c
	$(CC) $(ALL_CFLAGS) -Isrc -c -o $@ $<

$(B)/liblomi.a: $(LIB_C:%.c=$(O)/%.o) $(O)/modules.o
	rm -f $@
	$(AR) rcs $@ $^

$(B)/embed-host: examples/embed/host.c $(B)/liblomi.a
	$(CC) $(ALL_CFLAGS) -Isrc $(PKG_CFLAGS) $(CPPFLAGS) $(LDFLAGS) -o $@ $^ $(EXPORT) \
	  $(call pkg,--libs,$(LUA_PKG) $(engine_PKG) $(crypto_PKG)) $(engine_LIB) -lm $(DL) -pthread

# Only for the specs.
$(B)/spec_process.so: spec/support/process.c src/compat.h src/lomi.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(call pkg,--cflags,$(LUA_PKG)) $(CPPFLAGS) $(SHARED) $(LDFLAGS) -o $@ $<

$(B)/spec_names.so: spec/support/names.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -shared $(LDFLAGS) -o $@ $< -ldl

.SECONDARY:
-include $(wildcard $(O)/*.d)

# ---- Using it ---------------------------------------------------------------------------------------

.PHONY: demo env install
deps-%: # installs what is missing for the purpose, see deps.sh
	@./deps.sh $* $(LUAS)

demo: ## create a card charge in a local sandbox
	@./deps.sh demo $(LUA)
	@$(MAKE) --no-print-directory modules
	@eval "$$($(MAKE) -s env)"; $(LUA) examples/charge.lua

env: # eval "$(make -s env LUA=luajit)": use the tree without installing it
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$${LUA_PATH:-;}"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(B)/?.so;$${LUA_CPATH:-;}"'
	@echo 'unset LUA_PATH_5_4 LUA_CPATH_5_4 LUA_PATH_5_5 LUA_CPATH_5_5'

# The man page and the completions of shells: made of the data of `lomi --help`.
COMMAND_LUA := $(wildcard lua/lomi/cli.lua lua/lomi/cli/*.lua lua/lomi/contract/*.lua)
COMPLETIONS := $(B)/lomi.bash $(B)/lomi.zsh $(B)/lomi.fish

.PHONY: man completions
man: $(B)/lomi.1 ## the man page, build/lua5.4/lomi.1
completions: $(COMPLETIONS)

$(B)/lomi.1: tools/man.lua CHANGELOG.md $(COMMAND_LUA) $(SO)
	@eval "$$($(MAKE) -s env)"; $(LUA) $< > $@.$$$$ && mv $@.$$$$ $@

$(COMPLETIONS): $(COMMAND_LUA) $(SO)
	@eval "$$($(MAKE) -s env)"; $(LUA) lua/lomi/cli.lua completion $(subst .,,$(suffix $@)) > $@.$$$$ && mv $@.$$$$ $@

install uninstall: export LUA := $(LUA)
install uninstall: export LUA_VERSION = $(shell $(LUA) -e 'io.write(_VERSION:match "%d.%d")')
install uninstall: export LUA_PKG := $(LUA_PKG)
install uninstall: export B := $(B)
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export LIBS := $(EXPORT) -lm $(DL) -pthread

.PHONY: uninstall
install: modules $(B)/liblomi.a ## for one Lua (LUA=lua5.4), under PREFIX (/usr/local)
	@if $(LUA) -e 'require "argparse"' 2>/dev/null; then $(MAKE) --no-print-directory man completions; \
	  else echo "$(LUA) has no argparse, which the command needs: its man page and completions are left out" >&2; fi
	tools/install.sh install

uninstall: ## removes what make install has put there, for one Lua
	tools/install.sh uninstall

# ---- Proving it -------------------------------------------------------------------------------------

.PHONY: spec test chaos soak lint bench bench-loop bench-nginx clean help
spec: modules lib $(B)/spec_process.so $(B)/spec_names.so # for one Lua: make spec LUA=luajit SPEC=spec/json_spec.lua
	@eval "$$($(MAKE) -s env)"; LUA=$(LUA) $(LUA) "$$(command -v $(BUSTED))" $(or $(NO_CJSON),$(SPEC))

# Debian has no lua-cjson for Lua 5.5, and nothing of lomi loads without it.
NO_CJSON = $(shell $(LUA) -e 'require "cjson"' 2>/dev/null || echo spec/support/no_cjson.lua)

test: deps-test ## run every spec on Lua 5.4 and on LuaJIT
	@$(MAKE) --no-print-directory all
	@failed=0; for lua in $(LUAS); do echo "== $$lua"; $(MAKE) --no-print-directory LUA=$$lua spec || failed=1; done; \
	  exit $$failed

# For the sandbox's pay page: Debian's Chromium, and playwright-core to drive it.
.PHONY: test-browser
spec/browser/node_modules: spec/browser/package-lock.json | deps-browser
	@cd $(@D) && npm ci --silent
	@touch $@

test-browser: deps-browser spec/browser/node_modules ## pay in a real Chromium
	@$(MAKE) --no-print-directory modules
	@eval "$$($(MAKE) -s env)"; cd spec/browser && LUA=$(LUA) npm run --silent test

.PHONY: shop test-shop
shop: ## a shop in nginx to buy from, and a sandbox for it, until Ctrl-C; PORT=8081: another port
	@./deps.sh shop
	@$(MAKE) -s --no-print-directory LUA=luajit modules
	@eval "$$($(MAKE) -s LUA=luajit env)"; exec examples/openresty-shop/run

test-shop: deps-shop deps-browser spec/browser/node_modules ## buy from that shop in a real Chromium
	@$(MAKE) -s --no-print-directory LUA=luajit modules
	@eval "$$($(MAKE) -s LUA=luajit env)"; cd spec/browser && npm run --silent shop

.PHONY: screenshots
screenshots: deps-screenshots spec/browser/node_modules ## the pictures of the shop and of the pay page in docs/
	@$(MAKE) -s --no-print-directory LUA=luajit modules
	@eval "$$($(MAKE) -s LUA=luajit env)"; cd spec/browser && npm run --silent screenshots

.PHONY: test-love
test-love: deps-love ## play the LÖVE example under Xvfb: one sale, and its frame times
	@$(MAKE) -s --no-print-directory LUA=luajit modules
	@eval "$$($(MAKE) -s LUA=luajit env)"; luajit examples/love/test.lua

chaos: deps-test modules ## 10,000 charges in bad weather: made once or not at all; 100,000 requests in bounded memory
	@eval "$$($(MAKE) -s env)"; $(LUA) bench/chaos.lua
	@LOMI_LOAD=100000 $(MAKE) --no-print-directory spec SPEC=spec/stories/load_spec.lua

C_DIRS  := src spec/support bench examples/embed tools fuzz
C_FILES := $(wildcard $(C_DIRS:%=%/*.c))

# malloc gives back what is free: left to itself it keeps some MiB more, for good, after a few large replies.
soak: export MALLOC_MMAP_THRESHOLD_ = 131072
soak: export MALLOC_TRIM_THRESHOLD_ = 131072
soak: deps-test modules ## 200,000 charges in bad weather, ever new clients: no memory, no descriptor is kept
	@eval "$$($(MAKE) -s env)"; $(LUA) bench/soak.lua

lint: deps-lint warnings ## format, warnings as errors, static analysis
	clang-format --dry-run -Werror $(C_FILES) $(wildcard $(C_DIRS:%=%/*.h))
	luacheck -q lua spec examples bench tools rockspec/*.rockspec
	cppcheck -q --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --std=c99 $(C_FILES)
	@for lua in $(LUAS); do $(MAKE) --no-print-directory LUA=$$lua tidy || exit 1; done

COMPILERS ?= gcc clang
.PHONY: warnings
warnings: deps-warnings ## compile with gcc and with clang, warnings as errors
	@for cc in $(COMPILERS); do for lua in $(LUAS); do $(MAKE) --no-print-directory CC=$$cc LUA=$$lua \
	  B=build/warnings/$$cc/$$lua CFLAGS="-O2 -Werror" modules lib || exit 1; done; done

.PHONY: tidy
tidy: # clang-tidy for one Lua, as many files at once as there are processors; -fno-…: it would count what it hides
	@echo 'clang-tidy, $(LUA)'
	@printf '%s\n' $(C_FILES) | xargs -P "$$(nproc)" -I{} clang-tidy --quiet --config-file=.clang-tidy {} -- \
	  $(ALL_CFLAGS) -fno-caret-diagnostics -Isrc $(PKG_CFLAGS) $(CPPFLAGS)

# Objects alone: Debian has none of the libraries for musl. Their headers come after all of musl's own.
GLIBC_DIR = /usr/include/$(shell $(CC) -print-multiarch)

.PHONY: musl objects
musl: deps-musl ## compile every C source with musl-gcc, warnings as errors; nothing is linked or run
	@for lua in $(LUAS); do $(MAKE) -s --no-print-directory LUA=$$lua B=build/musl/$$lua CC=musl-gcc CFLAGS="-O2 -Werror" \
	  CPPFLAGS="-idirafter $(GLIBC_DIR) -idirafter /usr/include" \
	  PKG_CONFIG="PKG_CONFIG_SYSTEM_INCLUDE_PATH=/usr/include:$(GLIBC_DIR) pkg-config" objects || exit 1; done

objects: $(patsubst src/%.c,$(O)/%.o,$(wildcard src/*.c))

# The interpreter of the proofs, see tools/prove.sh. What is for the linker is for the modules.
$(B)/bin/$(LUA): tools/host.c tools/host.h $(HOST_SRC)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(call pkg,--cflags,$(LUA_PKG)) $(filter-out -Wl%,$(LDFLAGS)) -o $@ $(filter %.c,$^) $(EXPORT) \
	  $(call pkg,--libs,$(LUA_PKG)) $(DL) -pthread

# libFuzzer's targets, each with the sources it is about. FUZZ: which of them; FUZZ_ARGS: for how long.
FUZZ      ?= http1 json webhook
FUZZ_ARGS ?= -runs=10000000
# Leaks are what `make asan` and `make memerr` look for: after each input, with a Lua state alive, that takes 20 times
# as long as the input.
FUZZ_OPTIONS := -max_len=2048 -timeout=10 -detect_leaks=0 -artifact_prefix=build/fuzz/ -print_final_stats=1
fuzz_http1   := http1.c buffer.c
fuzz_json    := $(core_SRC)
fuzz_webhook := $(fuzz_json) crypto_lua.c

.PHONY: fuzz
fuzz: ## look for inputs that break a parser: FUZZ_ARGS=-max_total_time=30 for 30 seconds each
	@./deps.sh fuzz lua5.4
	@eval "$$($(MAKE) -s LUA=lua5.4 env)"; for name in $(FUZZ); do $(MAKE) -s build/fuzz/$$name || exit 1; \
	  mkdir -p build/fuzz/corpus/$$name fuzz/corpus/$$name; \
	  build/fuzz/$$name $(FUZZ_OPTIONS) $(FUZZ_ARGS) build/fuzz/corpus/$$name fuzz/corpus/$$name \
	    2>build/fuzz/$$name.log || { tail -n 40 build/fuzz/$$name.log; exit 1; }; \
	  echo "fuzz: $$name: $$(sed -n 's/^stat::number_of_executed_units: *//p' build/fuzz/$$name.log) runs, nothing found"; done

build/fuzz/%: fuzz/%_fuzz.c fuzz/lua_fuzz.h $(wildcard src/*.c src/*.h)
	@mkdir -p $(@D)
	clang -std=gnu99 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Isrc \
	  $(call pkg,--cflags,lua5.4 libcrypto) -o $@ $< $(addprefix src/,$(fuzz_$*)) $(EXPORT) \
	  $(call pkg,--libs,lua5.4 libcrypto) -lm $(DL) -pthread

.PHONY: matrix
matrix: ## the two commands on other Debian releases and processors, in chroots; needs root: MATRIX="trixie sid", MATRIX=arm64
	@tools/matrix.sh $(MATRIX)

.PHONY: asan tsan valgrind memerr coverage
asan: deps-test ## every spec under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer
	@tools/prove.sh asan

tsan: deps-test ## the sandbox server and the clients' threads under ThreadSanitizer
	@tools/prove.sh tsan

valgrind: deps-valgrind ## a part of the specs under valgrind
	@tools/prove.sh valgrind

memerr: deps-test ## a charge while allocations fail: of Lua, of libcurl, of ours, each of them in turn
	@tools/prove.sh memerr

coverage: deps-test ## the lines of C and Lua that no spec runs
	@tools/prove.sh coverage

.PHONY: mutants
mutants: deps-test all ## change lines that decide about money, one at a time: do the specs notice? MUTANTS=20: a short run
	@unset MAKEFLAGS MFLAGS MAKELEVEL; LUA=$(LUA) lua5.4 tools/mutants.lua

.PHONY: reference check-reference
reference: modules ## docs/reference.md and types/lomi/tables.lua, made from the comments of the sources
	@eval "$$($(MAKE) -s env)"; $(LUA) tools/types.lua > $(B)/tables.lua
	@mv $(B)/tables.lua types/lomi/tables.lua
	@eval "$$($(MAKE) -s env)"; $(LUA) tools/reference.lua > $(B)/reference.md
	@mv $(B)/reference.md docs/reference.md

check-reference: modules # fails if docs/reference.md or types/lomi/tables.lua is not what the comments say
	@eval "$$($(MAKE) -s env)"; $(LUA) tools/types.lua > $(B)/tables.lua
	@diff -u types/lomi/tables.lua $(B)/tables.lua || { echo 'types/lomi/tables.lua is old: make reference' >&2; exit 1; }
	@eval "$$($(MAKE) -s env)"; $(LUA) tools/reference.lua > $(B)/reference.md
	@diff -u docs/reference.md $(B)/reference.md || { echo 'docs/reference.md is old: make reference' >&2; exit 1; }

.PHONY: rockspecs
rockspecs: ## the rockspecs of the version; fails if a place names another version
	@$(MAKE) --no-print-directory LUA=lua5.4 modules
	@eval "$$($(MAKE) -s LUA=lua5.4 env)"; lua5.4 tools/rockspecs.lua

.PHONY: map
map: ## the picture of the modules in CONTRIBUTING.md, made from the sources
	@$(LUA) tools/map.lua

build/bare: bench/bare.c
	@mkdir -p $(@D)
	$(CC) -std=gnu99 $(WARN) $(CFLAGS) $(call pkg,--cflags,libcurl) -o $@ $< $(call pkg,--libs,libcurl)

build/late: bench/late.c
	@mkdir -p $(@D)
	$(CC) -std=gnu99 $(WARN) $(CFLAGS) -o $@ $<

bench: deps-bench all build/bare build/late ## every figure, in one table: three minutes; BENCH_ROUNDS=3 for a short run
	-@./deps.sh rivals
	@eval "$$($(MAKE) -s env)"; $(LUA) bench/figures.lua > build/bench.md.new
	@mv build/bench.md.new build/bench.md && cat build/bench.md

.PHONY: performance
performance: instructions bench ## docs/performance.md and its chart, with the figures of this machine
	@lua5.4 bench/publish.lua
	@lua5.4 bench/chart.lua < build/bench.md > build/performance.svg
	@mv build/performance.svg docs/performance.svg

.PHONY: instructions
instructions: deps-valgrind all build/bare ## instructions of a whole charge, by callgrind, against the bare libcurl loop
	@eval "$$($(MAKE) -s env)"; $(LUA) bench/instructions.lua > build/instructions.md.new
	@mv build/instructions.md.new build/instructions.md && cat build/instructions.md

bench-loop: deps-test modules ## a thousand charges in flight; the cost of a poll in a frame
	@eval "$$($(MAKE) -s env)"; $(LUA) bench/loop.lua

bench-nginx: deps-bench ## a handler that charges against one of bare cosockets; a worker that stays free
	@$(MAKE) -s --no-print-directory LUA=luajit modules
	@eval "$$($(MAKE) -s LUA=luajit env)"; luajit bench/nginx.lua && luajit bench/nginx_free.lua

clean: ## remove what was built
	rm -rf build spec/browser/node_modules

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17
