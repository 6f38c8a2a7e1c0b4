// SPDX-License-Identifier: MIT
// What a test needs: a shop (shop.lua, or the example), a browser, and a payer in it who notices whatever goes wrong on
// a page.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
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

// Gives a page to `act(page)`, which saw nothing that should not be: no message on the console, no request that failed,
// none to another origin than `origins`; but for what `expected` matches.
export async function withPage({ browser, origins, expected = /^$/, ...options }, act) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  const troubles = [];
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => troubles.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
    page.on("requestfailed", (request) => {
      troubles.push(`failed: ${request.failure().errorText} ${new URL(request.url()).pathname}`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && !origins.includes(url.origin)) troubles.push(`a request to ${url.origin}`);
    });
    await act(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(troubles.filter((trouble) => !expected.test(trouble)), []);
}

// A payer opens the page of a charge, and does what `act(page)` says.
export async function visit({ shop, charge, ...options }, act) {
  await withPage({ origins: [shop.url], ...options }, async (page) => {
    await page.goto(`${shop.url}/pay/${charge.id}?client_secret=${charge.client_secret}`).catch((error) => {
      throw new Error(error.message.replaceAll(charge.client_secret, "[hidden]"));
    });
    await act(page);
  });
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// Asks again and again until `look` gives something.
export async function until(look) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`it did not come: ${look}`);
}

const QUERY = `
  local database = assert(require("DBI").Connect("SQLite3", arg[1]))
  local statement = assert(database:prepare(arg[2]))
  assert(statement:execute())
  local rows = {}
  for row in statement:rows(true) do rows[#rows + 1] = require("cjson").encode(row) end
  io.write("[", table.concat(rows, ","), "]")`;

// examples/openresty-shop, as `make shop` starts it. LUA_PATH and LUA_CPATH lead LuaJIT to the library. close() is its
// Ctrl-C, after which nothing of it is left.
export async function openExample() {
  const home = await mkdtemp(join(tmpdir(), "lomi-shop-")), temporary = await mkdtemp(join(home, "tmp-"));
  const database = join(home, "shop.db");
  const child = spawn(fileURLToPath(new URL("../../examples/openresty-shop/run", import.meta.url)), {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PORT: await freePort(), SHOP_DATABASE: database, TMPDIR: temporary },
  });
  const ended = new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, url] = line.match(/^The (shop|sandbox): +(http\S+)/) ?? [];
    if (name) found[name] = url;
    if (found.sandbox) break;
  }
  assert.ok(found.sandbox, "the shop has not started");

  // The sandbox's own interface: /_sandbox/….
  const sandbox = async (method, path, body) => {
    const reply = await fetch(`${found.sandbox}/_sandbox${path}`, { method, body: body && JSON.stringify(body) });
    const { data, error } = await reply.json();
    assert.equal(error, undefined);
    return data;
  };
  const query = (sql) => JSON.parse(execFileSync("luajit", ["-", database, sql], { input: QUERY, encoding: "utf8" }));
  const close = async () => {
    child.kill("SIGINT");
    assert.equal(await ended, 0);
    const left = await readdir(temporary);
    await rm(home, { recursive: true });
    assert.deepEqual(left, []);
    await assert.rejects(fetch(found.shop), "nginx still answers");
    await assert.rejects(fetch(found.sandbox), "the sandbox still answers");
  };
  return { url: found.shop, sandboxUrl: found.sandbox, sandbox, query, close };
}
