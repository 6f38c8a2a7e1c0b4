// SPDX-License-Identifier: MIT
// What a test needs: the shop (shop.lua), a browser, and a payer in it who notices whatever goes wrong on the page.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const PATIENCE = 20_000; // milliseconds for what takes a few; a machine may have other things to do

// Starts the shop with the Lua that LUA names. LUA_PATH and LUA_CPATH lead to the library.
export async function openShop() {
  const lua = process.env.LUA ?? "lua5.4";
  const child = spawn(lua, [fileURLToPath(new URL("shop.lua", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await Promise.race([lines.next(), ended.then(() => ({ done: true }))]);
    if (done) throw new Error(`${lua} shop.lua has ended; is the library built? make modules`);
    return JSON.parse(value);
  };

  const { url } = await next();
  const ask = async (call, params) => {
    child.stdin.write(JSON.stringify({ call, with: params }) + "\n");
    const { result, trouble } = await next();
    assert.equal(trouble, undefined);
    return result;
  };
  const close = () => {
    child.stdin.end();
    return ended;
  };
  return { url, ask, close };
}

// Debian's Chromium, in a home of its own that goes away with it; nothing of it calls home.
export async function openBrowser() {
  const home = await mkdtemp(join(tmpdir(), "lomi-browser-"));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    chromiumSandbox: process.getuid() !== 0, // Chromium's own sandbox does not run as root
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
    env: { ...process.env, HOME: home, TMPDIR: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  }).catch(async (error) => {
    await rm(home, { recursive: true, force: true });
    throw error;
  });
  const close = async () => {
    await browser.close();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  return { browser, close };
}

// A payer opens the page of a charge, does what `act(page)` says, and saw nothing that should not be.
export async function visit({ browser, shop, charge, ...options }, act) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  const troubles = [];
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => troubles.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
    page.on("requestfailed", (request) => troubles.push(`failed: ${new URL(request.url()).pathname}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.origin !== shop.url) troubles.push(`a request to ${url.origin}`);
    });
    await page.goto(`${shop.url}/pay/${charge.id}?client_secret=${charge.client_secret}`).catch((error) => {
      throw new Error(error.message.replaceAll(charge.client_secret, "[hidden]"));
    });
    await act(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(troubles, []);
}
