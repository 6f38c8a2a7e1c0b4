// SPDX-License-Identifier: MIT
// Payers at the sandbox's page, in a real browser without JavaScript; what became of it is asked of the sandbox.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openBrowser, openShop, visit } from "./harness.js";

const DESKTOP = { viewport: { width: 1100, height: 700 } };
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const SECRET = "whsec_browser";

describe("the pay page", { timeout: 120_000 }, () => {
  let shop, chromium;

  before(async () => {
    shop = await openShop();
    chromium = await openBrowser();
    await shop.ask("hook", { secret: SECRET });
  });

  after(async () => {
    await chromium?.close();
    await shop?.close();
  });

  // A charge, and a payer who opens its page.
  async function payer(screen, params, act) {
    const charge = await shop.ask("create", { amount: 10000, ...params });
    await visit({ browser: chromium.browser, shop, charge, ...screen }, (page) => act(page, charge));
    return charge;
  }

  // Waits for the page that says so.
  const says = (page, heading) => page.getByRole("heading", { name: heading, exact: true }).waitFor();
  const status = async (charge) => (await shop.ask("get", { id: charge.id })).status;
  const look = (charge) => shop.ask("look", { id: charge.id });

  async function assertEvents(charge, ...expected) {
    const { list } = await shop.ask("events", { secret: SECRET, id: charge.id, count: expected.length });
    assert.deepEqual(list, expected);
  }

  it("takes 4242…, typed and paid with the mouse", async () => {
    const charge = await payer(DESKTOP, { description: "Two lamps" }, async (page, charge) => {
      await says(page, "Two lamps");
      assert.equal(await page.locator(".amount").innerText(), "10\u00a0000\u00a0F\u00a0CFA");
      await page.getByLabel("Card number").fill("4242 4242 4242 4242");
      await page.getByLabel("Expiry").fill("12/49");
      await page.getByLabel("Security code").fill("123");
      assert.equal(await status(charge), "requires_payment_method");
      await page.getByRole("button", { name: "Pay 10 000 F CFA" }).click();
      await says(page, "Payment succeeded");
      await page.reload(); // asks again, and pays nothing
      await says(page, "Payment succeeded");
      assert.match(await page.title(), /^Payment succeeded/);
    });
    const { last4, brand, transaction_status } = await look(charge);
    assert.deepEqual([last4, brand, transaction_status], ["4242", "visa", "completed"]);
    assert.equal(await status(charge), "succeeded");
    await assertEvents(charge, "PAYMENT_CREATED", "PAYMENT_SUCCEEDED");
  });

  it("declines a card on a phone, and takes the next one", async () => {
    const charge = await payer(PHONE, {}, async (page, charge) => {
      for (const target of await page.locator("input:not([type=hidden]), button, aside li a:visible").all()) {
        assert.ok((await target.boundingBox()).height >= 44, "too small for a finger: " + await target.innerText());
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `it scrolls sideways by ${wide} px`);

      await page.getByRole("link", { name: "insufficient funds" }).tap();
      await page.locator("button:focus").tap();
      const alert = page.getByRole("alert");
      assert.match(await alert.innerText(), /insufficient funds.*Nothing was paid/);
      assert.ok(await alert.evaluate((it) => it.getBoundingClientRect().top >= 0), "the payer does not see it");
      const { status, failure_code } = await look(charge);
      assert.deepEqual([status, failure_code], ["requires_payment_method", "insufficient_funds"]);

      await page.getByRole("link", { name: "Mastercard, succeeds" }).tap();
      await page.locator("button:focus").tap();
      await says(page, "Payment succeeded");
    });
    const { status: now, last4, failure_code } = await look(charge);
    assert.deepEqual([now, last4, failure_code], ["succeeded", "4444", undefined]);
    await assertEvents(charge, "PAYMENT_CREATED", "PAYMENT_FAILED", "PAYMENT_SUCCEEDED");
  });

  it("passes 3-D Secure with nothing but the keyboard", async () => {
    const charge = await payer(DESKTOP, {}, async (page, charge) => {
      const type = async (label, text) => {
        await page.keyboard.press("Tab");
        const field = page.getByLabel(label);
        assert.ok(await field.evaluate((it) => it === document.activeElement), `Tab does not lead to ${label}`);
        assert.equal(await field.evaluate((it) => getComputedStyle(it).outlineWidth), "3px", "the focus is not seen");
        await page.keyboard.type(text);
      };
      await type("Card number", "4000002500003155");
      await type("Expiry", "1249");
      await type("Security code", "123");
      await page.keyboard.press("Enter");

      await says(page, "Your bank asks: is it you who pays?");
      assert.equal(await status(charge), "requires_action");
      await page.keyboard.press("Tab");
      assert.equal(await page.locator(":focus").innerText(), "Confirm the payment");
      await page.keyboard.press("Enter");
      await says(page, "Payment succeeded");
    });
    assert.equal(await status(charge), "succeeded");
    await assertEvents(charge, "PAYMENT_CREATED", "PAYMENT_SUCCEEDED");
  });

  it("takes a refusal at the bank for what it is", async () => {
    const charge = await payer(PHONE, { hold: true }, async (page) => {
      await page.getByRole("link", { name: "3-D Secure, then succeeds" }).tap();
      await page.locator("button:focus").tap();
      await page.getByRole("button", { name: "Refuse it" }).tap();
      assert.match(await page.getByRole("alert").innerText(), /could not confirm that it is you/);
    });
    assert.equal((await look(charge)).failure_code, "authentication_failed");
    assert.equal(await status(charge), "requires_payment_method");
    await assertEvents(charge, "PAYMENT_CREATED", "PAYMENT_FAILED");
  });

  it("says at each field what is wrong with it, and sends nothing to the bank", async () => {
    const charge = await payer({ ...DESKTOP, colorScheme: "dark" }, {}, async (page) => {
      await page.getByLabel("Card number").fill("4000 0000 0000 0000");
      await page.getByLabel("Expiry").fill("13/49");
      await page.getByLabel("Security code").fill("12");
      await page.getByRole("button").click();
      const told = (field) => field.getAttribute("aria-describedby").split(" ")
        .map((id) => document.getElementById(id).innerText).join(" ");
      for (const [label, text] of Object.entries(
        { "Card number": /not a test card/, Expiry: /month/, "Security code": /digits/ })) {
        const field = page.getByLabel(label).and(page.locator("[aria-invalid=true]"));
        assert.match(await field.evaluate(told), text);
      }
      assert.ok(await page.getByLabel("Card number").evaluate((it) => it === document.activeElement));
      assert.match(await page.title(), /^Error: /);
    });
    assert.equal((await look(charge)).transaction_status, "pending");
    await assertEvents(charge, "PAYMENT_CREATED");
  });
});
