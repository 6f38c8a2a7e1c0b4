// SPDX-License-Identifier: MIT
// A payer at a checkout session's page, in a real browser without JavaScript: paid by card, led back to the shop.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openBrowser, openShop } from "./harness.js";

describe("the checkout page", { timeout: 120_000 }, () => {
  let shop, chromium;

  before(async () => {
    shop = await openShop();
    chromium = await openBrowser();
  });

  after(async () => {
    await chromium?.close();
    await shop?.close();
  });

  // Opens a session's page, and closes what it opened.
  async function visit(session, act) {
    const context = await chromium.browser.newContext({ javaScriptEnabled: false });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      await page.goto(session.checkout_url);
      await act(page);
    } finally {
      await context.close();
    }
  }

  it("takes a card, and leads back to the shop; half of it goes back", async () => {
    const session = await shop.ask("checkout", { amount: 10000 });
    await visit(session, async (page) => {
      await page.getByRole("heading", { name: "Two shirts" }).waitFor();
      await page.getByRole("button", { name: "Pay by card" }).click();
      await page.getByLabel("Card number").fill("4242 4242 4242 4242");
      await page.getByLabel("Expiry (MM/YY)").fill("12/34");
      await page.getByLabel("Security code").fill("123");
      await page.getByRole("button", { name: /^Pay / }).click();
      await page.waitForURL(`**/_sandbox?paid=${session.checkout_session_id}`);
    });
    assert.equal((await shop.ask("session", { id: session.checkout_session_id })).status, "completed");
    const { transaction, balance } = await shop.ask("refund", {});
    assert.equal(transaction.refunded_amount, 5000);
    assert.equal(balance, 4700);
  });

  it("says when a card is declined, and leaves the session open", async () => {
    const session = await shop.ask("checkout", { amount: 5000 });
    await visit(session, async (page) => {
      await page.getByRole("button", { name: "Pay by card" }).click();
      await page.getByLabel("Card number").fill("4000 0000 0000 0002");
      await page.getByLabel("Expiry (MM/YY)").fill("12/34");
      await page.getByLabel("Security code").fill("123");
      await page.getByRole("button", { name: /^Pay / }).click();
      await page.getByText("The card was declined.").first().waitFor();
    });
    assert.equal((await shop.ask("session", { id: session.checkout_session_id })).status, "open");
  });

  it("lets the payer give up", async () => {
    const session = await shop.ask("checkout", { amount: 5000 });
    await visit(session, async (page) => {
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.waitForURL("**/_sandbox?paid=no");
    });
  });
});
