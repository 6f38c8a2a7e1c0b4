// SPDX-License-Identifier: MIT
// A picture of the page for the README: node screenshot.js FILE.png

import { execFileSync, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { openBrowser, openShop, visit } from "./harness.js";

const LARGEST = 100 * 1024; // bytes

const [file] = process.argv.slice(2);
if (!file) throw new Error("node screenshot.js FILE.png");
if (!spawnSync("fc-list", [":family=Inter"]).stdout?.length || spawnSync("pngquant", ["--version"]).error) {
  throw new Error("the picture is made with the font Inter and with pngquant: apt-get install fonts-inter pngquant");
}

const shop = await openShop();
const chromium = await openBrowser();
try {
  const charge = await shop.ask("create", { amount: 10000, description: "Two solar lamps" });
  const screen = { viewport: { width: 1040, height: 600 }, deviceScaleFactor: 2 };
  await visit({ browser: chromium.browser, shop, charge, ...screen }, async (page) => {
    await page.getByRole("link", { name: "Visa, succeeds" }).click();
    await page.locator("button:focus").blur();
    await page.screenshot({ path: file });
  });
} finally {
  await chromium.close();
  await shop.close();
}

execFileSync("pngquant", ["--force", "--strip", "--speed", "1", "--output", file, "64", file]);
const { size } = statSync(file);
console.log(`${file}: ${size} bytes`);
if (size > LARGEST) throw new Error(`${file} is larger than ${LARGEST} bytes`);
