// SPDX-License-Identifier: MIT
// The pictures of docs/: node screenshots.js DIRECTORY

import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, openExample, withPage } from "./harness.js";

const LARGEST = 60 * 1024; // bytes
const COLOURS = "64";

const [directory] = process.argv.slice(2);
if (!directory) throw new Error("node screenshots.js DIRECTORY");

const shop = await openExample();
const chromium = await openBrowser();

async function picture(page, name, height) {
  const file = join(directory, name);
  await page.setViewportSize({ width: 1040, height });
  await page.screenshot({ path: file });
  execFileSync("pngquant", ["--force", "--strip", "--speed", "1", "--output", file, COLOURS, file]);
  const { size } = statSync(file);
  console.log(`${file}: ${size} bytes`);
  if (size > LARGEST) throw new Error(`${file} is larger than ${LARGEST} bytes`);
}

try {
  const origins = [shop.url, shop.sandboxUrl];
  await withPage({ browser: chromium.browser, origins, deviceScaleFactor: 1.5 }, async (page) => {
    await page.goto(shop.url);
    await picture(page, "shop.png", 560);

    await page.getByRole("button", { name: "Add to cart" }).click();
    await page.getByLabel("Name").fill("Awa Ndiaye");
    await page.getByLabel("Email").fill("awa@example.com");
    await page.getByRole("button", { name: /^Pay/ }).click();
    await page.getByRole("link", { name: "Visa, succeeds" }).click();
    await page.locator("button:focus").blur();
    await picture(page, "pay-page.png", 620);

    await page.getByRole("button", { name: /^Pay/ }).click();
    await page.getByRole("status").filter({ hasText: "Thank you" }).waitFor();
    await picture(page, "shop-paid.png", 480);
  });
} finally {
  await chromium.close();
  await shop.close();
}
