// SPDX-License-Identifier: MIT
// Buyers at examples/openresty-shop, in a real browser without JavaScript. What became of an order is read from the
// shop's database.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openBrowser, openExample, until, withPage } from "./harness.js";

const DESKTOP = { viewport: { width: 1100, height: 700 } };
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const SECRET = "whsec_demo"; // of examples/openresty-shop/run

describe("the shop", { timeout: 180_000 }, () => {
  let shop, chromium;

  before(async () => {
    shop = await openExample();
    chromium = await openBrowser();
  });

  after(async () => {
    await chromium?.close();
    await shop?.close();
  });

  // A buyer on a page of their own. No page of the shop has a secret in it.
  function buyer(options, act) {
    return withPage({ browser: chromium.browser, origins: [shop.url, shop.sandboxUrl], ...options }, async (page) => {
      const pages = [];
      page.on("response", (response) => {
        if (response.url().startsWith(shop.url)) pages.push(response.text().catch(() => ""));
      });
      await act(page);
      for (const text of await Promise.all(pages)) assert.doesNotMatch(text, /lomi_sk_|lomi_pk_|whsec_|_secret_/);
    });
  }

  async function fillCart(page) {
    await page.goto(shop.url);
    await page.getByRole("button", { name: "Add to cart" }).click();
    await page.getByLabel("Name").fill("Awa Ndiaye");
    await page.getByLabel("Email").fill("awa@example.com");
  }

  // Leads to the bank; gives the order's id.
  async function order(page) {
    await fillCart(page);
    await page.getByRole("button", { name: /^Pay/ }).click();
    return atTheBank(page);
  }

  async function atTheBank(page) {
    await until(() => page.url().startsWith(`${shop.sandboxUrl}/pay/`));
    return new URL(page.url()).searchParams.get("return_url").match(/orders\/(\w+)/)[1];
  }

  async function payWith(page, card) {
    await page.getByLabel("Card number").fill(card);
    await page.getByLabel("Expiry").fill("12/49");
    await page.getByLabel("Security code").fill("123");
    await page.getByRole("button", { name: /^Pay/ }).click();
  }

  const says = (page, text) => page.getByRole("status").filter({ hasText: text }).waitFor();
  const state = (id) => shop.query(`SELECT state FROM orders WHERE id = '${id}'`)[0]?.state;
  const effects = (id) => shop.query(`SELECT effect FROM events WHERE order_id = '${id}' AND effect <> 'none'
    ORDER BY rowid`).map((row) => row.effect);
  const charges = async (id) => (await shop.sandbox("GET", "/charges")).filter(
    (charge) => charge.params.metadata.order_id === id);
  const deliveries = async (id, event) => (await shop.sandbox("GET", "/deliveries")).filter(
    (delivery) => delivery.event === event && delivery.body.includes(id));
  const deliver = (options) => shop.sandbox("POST", "/webhook",
    { url: `${shop.url}/webhooks/lomi`, secret: SECRET, ...options });

  it("is paid with a card; going back or loading again pays nothing", async () => {
    let id;
    await buyer(DESKTOP, async (page) => {
      id = await order(page);
      assert.equal(state(id), "unpaid");
      await payWith(page, "4242 4242 4242 4242");
      await says(page, "Thank you, it is paid");
      assert.equal(await page.locator("[data-state=paid]").count(), 1);
      await page.reload();
      await says(page, "Thank you, it is paid");
      await page.goto(`${shop.url}/cart`); // the cart that was paid
      await says(page, "Thank you, it is paid");
      assert.equal(await page.getByRole("button", { name: /^Pay/ }).count(), 0);
    });
    assert.equal(state(id), "paid");
    assert.deepEqual(effects(id), ["paid"]);
    const [{ amount, status, original_amount, idempotency_key }, ...more] = await charges(id);
    assert.deepEqual([amount, status, original_amount, idempotency_key, more],
      [1524, "succeeded", 10000, `order-${id}`, []]);
  });

  it("says that a card is declined, on a phone, and takes the next one for the same charge", async () => {
    let id;
    await buyer({ ...PHONE, colorScheme: "dark" }, async (page) => {
      await fillCart(page);
      for (const target of await page.locator("input, button, header a").all()) {
        assert.ok((await target.boundingBox()).height >= 44, "too small for a finger: " + await target.innerText());
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `it scrolls sideways by ${wide} px`);
      await page.getByRole("button", { name: /^Pay/ }).tap();
      id = await atTheBank(page);

      await payWith(page, "4000 0000 0000 0002");
      await page.getByRole("alert").filter({ hasText: "The card was declined" }).waitFor();
      await page.getByRole("link", { name: "Back to the shop" }).tap();
      await says(page, "The card was declined");
      assert.equal(state(id), "declined");
      assert.deepEqual(effects(id), ["declined"]);

      await page.getByRole("button", { name: /^Pay/ }).tap();
      assert.equal(await atTheBank(page), id);
      await payWith(page, "5555 5555 5555 4444");
      await says(page, "Thank you, it is paid");
    });
    assert.equal(state(id), "paid");
    assert.deepEqual(effects(id), ["declined", "paid"]);
    assert.equal((await charges(id)).length, 1);
  });

  it("passes 3-D Secure", async () => {
    let id;
    await buyer(DESKTOP, async (page) => {
      id = await order(page);
      await payWith(page, "4000 0025 0000 3155");
      await page.getByRole("heading", { name: "Your bank asks: is it you who pays?" }).waitFor();
      assert.equal(state(id), "unpaid");
      await page.getByRole("button", { name: "Confirm the payment" }).click();
      await says(page, "Thank you, it is paid");
    });
    assert.equal(state(id), "paid");
  });

  it("is not paid when the payer refuses at the bank", async () => {
    let id;
    await buyer(DESKTOP, async (page) => {
      id = await order(page);
      await payWith(page, "4000 0025 0000 3155");
      await page.getByRole("button", { name: "Refuse it" }).click();
      await page.getByRole("link", { name: "Back to the shop" }).click();
      await says(page, "The card was declined");
    });
    assert.equal(state(id), "declined");
  });

  it("is paid although the tab is closed before the webhook comes", async () => {
    let id;
    await deliver({ late: 3600 });
    await buyer(DESKTOP, async (page) => {
      id = await order(page);
      await payWith(page, "4242 4242 4242 4242");
      await says(page, "We are waiting for the bank");
    });
    assert.equal((await charges(id))[0].status, "succeeded");
    assert.equal(state(id), "unpaid");

    await shop.sandbox("POST", "/clock", { advance: 3600 });
    await until(() => state(id) === "paid");
    await deliver({});
    await buyer(DESKTOP, async (page) => {
      await page.goto(`${shop.url}/orders/${id}`);
      await says(page, "Thank you, it is paid");
    });
    assert.deepEqual(effects(id), ["paid"]);
  });

  it("makes one charge for a double click", async () => {
    let id;
    const made = async () => (await shop.sandbox("GET", "/charges")).length;
    const before = await made();
    await buyer({ ...DESKTOP, expected: /ERR_ABORTED \/orders$/ }, async (page) => {
      await fillCart(page);
      await shop.sandbox("POST", "/faults", { delay: 1, match: { method: "POST", path: "/charge/card" } });
      const { x, y } = await page.getByRole("button", { name: /^Pay/ }).boundingBox();
      const click = () => page.mouse.click(x + 5, y + 5); // as a person, who waits for nothing
      await click();
      await until(() => shop.query("SELECT id FROM orders WHERE charge_id IS NULL").length); // the shop charges
      await click();
      id = await atTheBank(page);
      await payWith(page, "4242 4242 4242 4242");
      await says(page, "Thank you, it is paid");
    });
    // Both clicks have reached the service, and both have their answer.
    const replayed = await until(async () => {
      const calls = (await shop.sandbox("GET", "/requests")).filter(
        ({ headers, status }) => headers["idempotency-key"] === `order-${id}` && status === 201);
      return calls.length === 2 && calls.map((call) => call.replayed ?? false).sort();
    });
    assert.deepEqual(replayed, [false, true]);
    assert.equal(await made(), before + 1);
    assert.equal((await charges(id)).length, 1);
    assert.equal(state(id), "paid");
  });

  it("is marked paid once when the webhook is delivered twice", async () => {
    let id;
    await deliver({ twice: true });
    await buyer(DESKTOP, async (page) => {
      id = await order(page);
      await payWith(page, "4242 4242 4242 4242");
      await says(page, "Thank you, it is paid");
    });
    const sent = await until(async () => {
      const list = await deliveries(id, "PAYMENT_SUCCEEDED");
      return list.length === 2 && list.every((delivery) => delivery.state === "delivered") && list;
    });
    await deliver({});
    assert.equal(sent[0].id, sent[1].id);
    assert.deepEqual(effects(id), ["paid"]);
    assert.equal(state(id), "paid");
  });

  it("says that the payment could not be started; the next try loses its reply, and charges once", async () => {
    let id;
    const calls = { method: "POST", path: "/charge/card" };
    await buyer({ ...DESKTOP, expected: /status of 503/ }, async (page) => {
      await fillCart(page);
      await shop.sandbox("POST", "/faults", { status: 403, match: calls });
      await page.getByRole("button", { name: /^Pay/ }).click();
      await says(page, "The payment could not be started");
      await shop.sandbox("POST", "/faults", { drop: "after", match: calls });
      await page.getByRole("button", { name: /^Pay/ }).click();
      id = await atTheBank(page);
    });
    assert.equal((await charges(id)).length, 1);
    assert.equal(state(id), "unpaid");
  });
});
