# lomi: `make demo` charges a card against a local sandbox, `make test` runs every spec; `make help` lists the rest.

LUA    ?= lua5.4
LUAS   ?= lua5.4 luajit
BUSTED ?= $(shell command -v busted)
CC     ?= cc
PREFIX ?= /usr/local

B := build/$(LUA)
O := $(B)/obj

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
pkg      = $(if $(strip $(2)),$(shell pkg-config $(1) $(2)))
ALL_CFLAGS = -std=gnu99 -fPIC -fvisibility=hidden $(WARN) $(CFLAGS)

MODULES := core crypto curl httpd
SO      := $(MODULES:%=$(B)/lomi/%.so)

# What each module is made of, and what it links; nothing links a Lua library, the host brings one.
core_SRC    := core.c json.c
crypto_SRC  := crypto.c
crypto_PKG  := libcrypto
curl_SRC    := curl.c engine.c buffer.c
curl_PKG    := libcurl
httpd_SRC   := httpd.c buffer.c
httpd_PKG   := libmicrohttpd

.PHONY: all modules
all: $(foreach l,$(LUAS),modules-$(l))

modules: $(SO)

modules-%:
	@$(MAKE) --no-print-directory LUA=$* modules

$(O)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(call pkg,--cflags,$(LUA) $($*_PKG)) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# z,nodelete: a library of ours may still have a thread (libcurl's resolver, the sandbox) when the last Lua state that
# loaded it is closed; its code must not go away under that thread.
.SECONDEXPANSION:
$(B)/lomi/%.so: $$(addprefix $(O)/,$$(addsuffix .o,$$(basename $$($$*_SRC))))
	@mkdir -p $(@D)
	$(CC) -shared $(LDFLAGS) -Wl,-z,nodelete -o $@ $^ $(call pkg,--libs,$($*_PKG)) -pthread

.SECONDARY:
-include $(wildcard $(O)/*.d)

.PHONY: env spec test clean
env:
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$${LUA_PATH:-;}"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(B)/?.so;$${LUA_CPATH:-;}"'

# make spec LUA=luajit SPEC=spec/json_spec.lua
spec: modules
	@eval "$$($(MAKE) -s env)"; $(LUA) $(BUSTED) $(SPEC)

test: all
	@for l in $(LUAS); do $(MAKE) --no-print-directory LUA=$$l spec || exit 1; done

clean:
	rm -rf build
