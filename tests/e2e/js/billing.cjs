// Plans are sold: the official JavaScript client, Stripe's pages in a browser, Stripe's reports.

const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { chromium } = require(process.env.PLAYWRIGHT);
const { autumn, call, stripe } = require("./vocabulary.cjs");

const { BROWSER, ORCHARD_URL } = process.env;
const THANKS = `${ORCHARD_URL}/thanks`;
const monthly = (featureId, included) => ({ featureId, included, reset: { interval: "month" } });

let browser, page;

before(async () => {
  await autumn.features.create({
    featureId: "messages",
    name: "Messages",
    type: "metered",
    consumable: true,
  });
  for (const [planId, amount, included] of [
    ["free", null, 100],
    ["pro", 20, 500],
    ["premium", 50, 900],
  ]) {
    await autumn.plans.create({
      planId,
      name: planId,
      autoEnable: amount === null,
      ...(amount && { price: { amount, interval: "month" } }),
      items: [monthly("messages", included)],
    });
  }
  browser = await chromium.launch({ executablePath: BROWSER });
  page = await browser.newPage();
  page.setDefaultTimeout(10_000);
});

after(() => browser?.close());

async function customer(customerId) {
  await autumn.customers.getOrCreate({ customerId, email: `${customerId}@shop.example` });
  return customerId;
}

async function plans(customerId) {
  const { subscriptions } = await autumn.customers.get({ customerId });
  const state = (one) => (one.canceledAt ? "canceling" : one.status);
  return Object.fromEntries(subscriptions.map((one) => [one.planId, state(one)]));
}

/** What a customer was billed, the highest first: much happens within a second. */
async function invoices(customerId) {
  const { list } = await autumn.invoices.list({ customerId });
  return list.map((one) => [one.total, one.status]).sort(([a], [b]) => b - a);
}

/** Choose a card and press the button of Stripe's page. */
async function pay(card) {
  await page.check(`input[value="${card}"]`);
  await page.getByRole("button", { name: "Subscribe" }).click();
}

/** Pay, come back to the shop, and let Stripe report it. */
async function subscribe() {
  await pay("pm_card_visa");
  await page.waitForURL(THANKS);
  await stripe.settle();
}

test("a code that is typed on the page counts on every invoice", async () => {
  await call("rewards.create", {
    coupon: {
      id: "welcome",
      name: "Welcome",
      type: "fixed_discount",
      value: 5,
      duration: { type: "forever", length: null },
      plan_ids: null,
      promo_codes: [{ code: "WELCOME5" }],
    },
  });
  const ada = await customer("ada");
  const bought = await autumn.billing.attach({
    customerId: ada,
    planId: "pro",
    successUrl: THANKS,
  });
  await page.goto(bought.paymentUrl);

  await page.getByLabel("Promotion code").fill("WELCOME5");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("Welcome ($5.00 off)").waitFor();
  assert.equal(await page.locator("h1").innerText(), "$15.00");
  await subscribe();

  assert.deepEqual(await plans(ada), { pro: "active" });
  assert.deepEqual(await invoices(ada), [[15, "paid"]]);
  await stripe.later(32, async () => {
    assert.deepEqual(await invoices(ada), [
      [15, "paid"],
      [15, "paid"],
    ]);
  });
});

test("a declined card buys nothing, the next one does, and is used for the upgrade", async () => {
  const bob = await customer("bob");
  const wanted = { customerId: bob, planId: "pro", successUrl: THANKS };
  const seen = await autumn.billing.previewAttach({ customerId: bob, planId: "pro" });
  const { paymentUrl } = await autumn.billing.attach(wanted);
  await page.goto(paymentUrl);

  await pay("pm_card_visa_chargeDeclined");
  await page.getByRole("alert").waitFor();
  assert.deepEqual(await plans(bob), { free: "active" });
  assert.equal((await autumn.billing.attach(wanted)).paymentUrl, paymentUrl);
  await subscribe();
  const upgrade = { customerId: bob, planId: "premium" };
  const shown = await autumn.billing.previewAttach(upgrade);
  const upgraded = await autumn.billing.attach(upgrade);

  assert.deepEqual([seen.total, seen.currency, upgraded.paymentUrl], [20, "usd", null]);
  assert.ok(Math.abs(shown.total - 30) < 0.02);
  assert.deepEqual(await plans(bob), { premium: "active" });
  assert.deepEqual(await invoices(bob), [
    [shown.total, "paid"],
    [20, "paid"],
  ]);
});

test("an invoice leads to its page", async () => {
  const { list } = await autumn.invoices.list({ customerId: "bob" });

  await page.goto(list.find((one) => one.total === 20).hostedInvoiceUrl);

  assert.equal(await page.locator("h1").innerText(), "$20.00");
  assert.equal((await page.locator(".state").innerText()).toLowerCase(), "paid");
});

test("a plan is canceled by the shop and kept by the customer, in the portal", async () => {
  const held = { customerId: "bob", planId: "premium" };
  await autumn.billing.update({ ...held, cancelAction: "cancel_end_of_cycle" });
  await stripe.settle();
  assert.deepEqual(await plans("bob"), { premium: "canceling", free: "scheduled" });
  const portal = await autumn.billing.openCustomerPortal({ customerId: "bob", returnUrl: THANKS });
  await page.goto(portal.url);

  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("button", { name: "Cancel" }).waitFor();
  await stripe.settle();

  assert.deepEqual(await plans("bob"), { premium: "active" });
  const seen = await autumn.billing.previewUpdate({ ...held, cancelAction: "cancel_immediately" });
  assert.ok(Math.abs(seen.total + 50) < 0.02);
});
