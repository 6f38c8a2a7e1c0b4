-- SPDX-License-Identifier: MIT
-- Runs in place of every spec where lua-cjson is missing.
pending(("every spec: no lua-cjson for %s; docs/compatibility.md says how to build it"):format(_VERSION))
