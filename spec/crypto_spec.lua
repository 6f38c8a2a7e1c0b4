-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
local crypto = require "lomi.crypto"

local function bytes(hex)
  return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- RFC 4231, the HMAC-SHA-256 column. Case 5 gives only the first 128 bits.
local VECTORS = {
  { name = "case 1", key = ("\11"):rep(20), data = "Hi There",
    mac = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
  { name = "case 2, a key shorter than the output", key = "Jefe", data = "what do ya want for nothing?",
    mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
  { name = "case 3, data longer than a block with the key", key = ("\170"):rep(20), data = ("\221"):rep(50),
    mac = "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
  { name = "case 4", key = bytes "0102030405060708090a0b0c0d0e0f10111213141516171819", data = ("\205"):rep(50),
    mac = "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
  { name = "case 5, truncated", key = ("\12"):rep(20), data = "Test With Truncation",
    mac = "a3b6167473100ee06e0c796c2955552b" },
  { name = "case 6, a key longer than a block", key = ("\170"):rep(131),
    data = "Test Using Larger Than Block-Size Key - Hash Key First",
    mac = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
  { name = "case 7, key and data longer than a block", key = ("\170"):rep(131),
    data = "This is a test using a larger than block-size key and a larger than block-size data. "
      .. "The key needs to be hashed before being used by the HMAC algorithm.",
    mac = "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
}

describe("lomi.crypto", function()
  describe("hmac_sha256", function()
    for _, vector in ipairs(VECTORS) do
      it("agrees with RFC 4231, " .. vector.name, function()
        local mac = crypto.hmac_sha256(vector.key, vector.data)
        assert.equal(64, #mac)
        assert.equal(vector.mac, mac:sub(1, #vector.mac))
      end)
    end

    it("takes an empty key and empty data", function()
      assert.equal("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", crypto.hmac_sha256("", ""))
    end)

    it("reads past NUL bytes, in the key and in the data", function()
      assert.not_equal(crypto.hmac_sha256("k\0a", "body"), crypto.hmac_sha256("k\0b", "body"))
      assert.not_equal(crypto.hmac_sha256("key", "x\0a"), crypto.hmac_sha256("key", "x\0b"))
    end)

    it("takes 8 MiB", function()
      local eight_mib = ("lomi"):rep(2 * 1024 * 1024)
      assert.equal(64, #crypto.hmac_sha256("key", eight_mib))
      assert.not_equal(crypto.hmac_sha256("key", eight_mib), crypto.hmac_sha256("key", eight_mib .. "x"))
    end)

    it("raises for what is not a string, numbers included", function()
      for _, wrong in ipairs { 1, true, {} } do
        assert.error_matches(function() crypto.hmac_sha256(wrong, "body") end, "string expected")
        assert.error_matches(function() crypto.hmac_sha256("key", wrong) end, "string expected")
      end
      assert.error_matches(function() crypto.hmac_sha256() end, "string expected")
    end)

    it("gives nil and OpenSSL's reason when OpenSSL refuses", function()
      -- A machine configured for FIPS without the FIPS provider: libcrypto has no algorithm at all. Read once per
      -- process, hence the child.
      local config = os.tmpname()
      local file = assert(io.open(config, "w"))
      file:write("openssl_conf = init\n[init]\nalg_section = algorithms\n[algorithms]\ndefault_properties = fips=yes\n")
      file:close()
      local output = child.run([[print(require("lomi.crypto").hmac_sha256("key", "body"))]], { OPENSSL_CONF = config })
      os.remove(config)
      assert.matches("^nil\tOpenSSL cannot compute HMAC%-SHA256: error:%x+:[^\n]+$", output)
    end)
  end)

  it("is not loaded where OpenSSL does not start, and says so", function()
    local config = os.tmpname()
    local file = assert(io.open(config, "w"))
    file:write("config_diagnostics = 1\nopenssl_conf = there_is_no_such_section\n")
    file:close()
    local output = child.run([[print(pcall(require, "lomi.crypto"))]], { OPENSSL_CONF = config })
    os.remove(config)
    assert.matches("^false\t.*libcrypto does not start", output)
  end)

  describe("equal", function()
    it("tells equal from different, at every position", function()
      local text = ("0123456789abcdef"):rep(4)
      assert.is_true(crypto.equal(text, text:sub(1, 32) .. text:sub(33)))
      for i = 1, #text do
        assert.is_false(crypto.equal(text, text:sub(1, i - 1) .. "x" .. text:sub(i + 1)), "at " .. i)
      end
    end)

    it("is false for another length, whichever is longer", function()
      assert.is_false(crypto.equal("abc", "ab"))
      assert.is_false(crypto.equal("ab", "abc"))
      assert.is_false(crypto.equal("", "a"))
      assert.is_true(crypto.equal("", ""))
    end)

    it("sees past NUL bytes", function()
      assert.is_false(crypto.equal("a\0b", "a\0c"))
    end)

    it("raises for what is not a string", function()
      assert.error_matches(function() crypto.equal("a", nil) end, "string expected")
      assert.error_matches(function() crypto.equal(1, "1") end, "string expected")
    end)
  end)
end)
