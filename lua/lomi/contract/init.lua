-- SPDX-License-Identifier: MIT
--- The API as data: its hosts, and its resources, one file each. Only these files name a path or a field of it.

return {
  hosts = {
    sandbox = "sandbox.api.lomi.africa",
    live = "api.lomi.africa",
  },

  -- The resources of a client (`client.charges`), and the module with the operations of each.
  resources = {
    charges = "lomi.contract.charges",
  },
}
