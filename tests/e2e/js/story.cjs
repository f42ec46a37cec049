// The life of customers, told with the official JavaScript client as it is published.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const {
  DAY,
  autumn,
  call,
  eventually,
  live,
  refused,
  resetBalances,
  stripe,
} = require("./vocabulary.cjs");

const ids = (list) => list.map((one) => one.id);

test("features and plans are kept as they were created", async () => {
  const messages = { featureId: "messages", included: 100, reset: { interval: "day" } };
  const created = await autumn.features.create({
    featureId: "messages",
    name: "Messages",
    type: "metered",
    consumable: true,
  });
  await autumn.features.create({
    featureId: "seats",
    name: "Seats",
    type: "metered",
    consumable: false,
  });
  await autumn.features.create({ featureId: "sso", name: "Single sign-on", type: "boolean" });
  await autumn.features.create({
    featureId: "credits",
    name: "Credits",
    type: "credit_system",
    creditSchema: [{ meteredFeatureId: "messages", creditCost: 0.5 }],
  });
  await autumn.plans.create({ planId: "free", name: "Free", autoEnable: true, items: [messages] });
  await autumn.plans.create({
    planId: "team",
    name: "Team",
    items: [
      { ...messages, included: 1000 },
      { featureId: "seats", included: 3 },
      { featureId: "sso" },
    ],
  });
  await autumn.plans.create({
    planId: "pro",
    name: "Pro",
    price: { amount: 20, interval: "month" },
    items: [messages],
  });

  assert.deepEqual(
    [created.id, created.type, created.consumable],
    ["messages", "metered", true],
  );
  const features = await autumn.features.list();
  assert.deepEqual(ids(features.list).sort(), ["credits", "messages", "seats", "sso"]);
  const plans = await autumn.plans.list();
  assert.deepEqual(ids(plans.list).sort(), ["free", "pro", "team"]);
  const team = await autumn.plans.get({ planId: "team" });
  assert.deepEqual(
    team.items.map((item) => [item.featureId, item.included]),
    [
      ["messages", 1000],
      ["seats", 3],
      ["sso", 0],
    ],
  );
});

test("a new customer starts with the default plan", async () => {
  const ada = await autumn.customers.getOrCreate({
    customerId: "ada",
    name: "Ada",
    email: "ada@example.com",
    metadata: { team: "engines" },
  });

  assert.deepEqual(
    [ada.id, ada.name, ada.email, ada.env, ada.metadata],
    ["ada", "Ada", "ada@example.com", "sandbox", { team: "engines" }],
  );
  assert.deepEqual(
    ada.subscriptions.map((one) => [one.planId, one.status]),
    [["free", "active"]],
  );
  const { granted, remaining, usage, nextResetAt } = ada.balances.messages;
  assert.deepEqual([granted, remaining, usage], [100, 100, 0]);
  assert.equal(nextResetAt, ada.createdAt + DAY);
  const again = await autumn.customers.getOrCreate({ customerId: "ada", name: "Somebody else" });
  assert.deepEqual([again.createdAt, again.name], [ada.createdAt, "Ada"]);
});

test("use is taken exactly, can be given back and is listed", async () => {
  const bob = { customerId: "bob", featureId: "messages" };
  await autumn.customers.getOrCreate({ customerId: "bob" });
  const yesterday = Date.now() - DAY;

  for (const [value, remaining] of [
    [0.1, 99.9],
    [0.2, 99.7],
    [60, 39.7],
    [-0.3, 40],
  ]) {
    const tracked = await autumn.track({ ...bob, value, timestamp: yesterday });
    assert.deepEqual([tracked.value, tracked.balance.remaining], [value, remaining]);
    // What was tracked is seen at once, everywhere.
    const checked = await autumn.check({ ...bob, requiredBalance: 40 });
    assert.deepEqual([checked.balance.remaining, checked.allowed], [remaining, remaining >= 40]);
    const found = await autumn.customers.get({ customerId: "bob" });
    assert.equal(found.balances.messages.remaining, remaining);
  }

  const used = await autumn.check({ ...bob, requiredBalance: 30, sendEvent: true });
  assert.deepEqual([used.allowed, used.balance.remaining], [true, 10]);
  const denied = await autumn.check({ ...bob, requiredBalance: 30, sendEvent: true });
  assert.deepEqual([denied.allowed, denied.balance.remaining], [false, 10]);
  const events = await eventually(
    async () => (await autumn.events.list({ customerId: "bob" })).list,
    (list) => list.length === 5,
  );
  assert.equal(events[0].value, 30);
  assert.deepEqual(events.map((event) => event.value).sort(), [-0.3, 0.1, 0.2, 30, 60]);
  assert.deepEqual(new Set(events.slice(1).map((event) => event.timestamp)), new Set([yesterday]));
});

test("an edit lasts until the reset job runs", async () => {
  const cleo = { customerId: "cleo", featureId: "messages" };
  const balance = async () => (await autumn.check(cleo)).balance;
  await autumn.customers.getOrCreate({ customerId: "cleo" });
  await autumn.track({ ...cleo, value: 30 });

  // The client has no way to give a reason; the API has.
  const reason = "Sorry for the outage";
  await call("balances.update", { customer_id: "cleo", feature_id: "messages", remaining: 250, reason });
  const edited = await balance();
  await autumn.balances.update({ ...cleo, addToBalance: -0.5 });
  const soon = Date.now() + 500;
  await autumn.balances.update({ ...cleo, includedGrant: 120, nextResetAt: soon });
  const both = await balance();
  await eventually(Date.now, (now) => now > soon);
  const done = await resetBalances();

  assert.deepEqual([edited.granted, edited.remaining, edited.usage], [100, 250, -150]);
  assert.deepEqual([both.granted, both.remaining, both.nextResetAt], [120, 249.5, soon]);
  assert.equal(done.ResetFailed, 0);
  // It is written down, not only shown: nothing is due any more.
  assert.equal((await resetBalances()).Reset, 0);
  const fresh = await balance();
  assert.deepEqual([fresh.granted, fresh.remaining, fresh.usage], [100, 100, 0]);
  assert.equal(fresh.nextResetAt, soon + DAY);
});

test("a grant of its own stands beside the plan", async () => {
  const dan = { customerId: "dan", featureId: "messages" };
  const promo = { ...dan, includedGrant: 50, balanceId: "promo" };
  await autumn.customers.getOrCreate({ customerId: "dan" });

  await autumn.balances.create(promo);
  await autumn.balances.create({ customerId: "dan", featureId: "sso" });
  await autumn.track({ ...dan, value: 120 });

  const { list } = await call("balances.list", { customer_id: "dan", feature_id: "messages" });
  assert.deepEqual(
    Object.fromEntries(list.map((source) => [source.plan_id, [source.remaining, source.usage]])),
    { free: [0, 100], null: [30, 20] },
  );
  const { granted, remaining } = (await autumn.check(dan)).balance;
  assert.deepEqual([granted, remaining], [150, 30]);
  const checked = await autumn.check({ customerId: "dan", featureId: "sso" });
  assert.deepEqual([checked.allowed, checked.flag.planId], [true, null]);
  await refused(
    autumn.balances.create(promo),
    409,
    "invalid_request",
    "This customer has a balance promo already",
  );
});

test("a free plan is attached once, a plan with a price not without payment", async () => {
  await autumn.customers.getOrCreate({ customerId: "eve" });

  const attached = await autumn.billing.attach({ customerId: "eve", planId: "team" });

  assert.equal(attached.paymentUrl, null);
  const eve = await autumn.customers.get({ customerId: "eve" });
  assert.deepEqual(
    eve.subscriptions.map((one) => one.planId),
    ["team"],
  );
  const { messages, seats } = eve.balances;
  assert.deepEqual([messages.granted, seats.remaining, eve.flags.sso.planId], [1000, 3, "team"]);
  await refused(
    autumn.billing.attach({ customerId: "eve", planId: "team" }),
    409,
    "plan_already_attached",
    "Plan team is already attached to this customer",
  );
  const { paymentUrl } = await autumn.billing.attach({ customerId: "eve", planId: "pro" });
  assert.match(paymentUrl, /\/c\/pay\//);
  const after = await autumn.customers.get({ customerId: "eve" });
  assert.deepEqual(
    after.subscriptions.map((one) => one.planId),
    ["team"],
  );
});

test("an invoice follows its state in Stripe", { skip: !stripe.isDouble }, async () => {
  const inStripe = await stripe.customer("fay@example.com");
  await autumn.customers.getOrCreate({ customerId: "fay", stripeId: inStripe });

  const line = { description: "Pro", amount: 2050, metadata: { orchard_plan_id: "pro" } };
  const draft = await stripe.invoice(inStripe, line);
  for (const [step, status] of [
    ["finalize", "open"],
    ["pay", "paid"],
  ]) {
    await stripe.take(step, draft.id);
    await stripe.settle();
    const { list } = await autumn.invoices.list({ customerId: "fay" });
    assert.deepEqual(
      list.map((one) => [one.stripeId, one.status, one.total, one.planIds]),
      [[draft.id, status, 20.5, ["pro"]]],
    );
  }

  const fay = await autumn.customers.get({ customerId: "fay", expand: ["invoices"] });
  assert.deepEqual(
    fay.invoices.map((one) => [one.stripeId, one.status, one.total, one.currency]),
    [[draft.id, "paid", 20.5, "usd"]],
  );
});

test("a customer is renamed, found, deleted and then unknown", async () => {
  await autumn.customers.getOrCreate({
    customerId: "gus",
    email: "gus@pears.example",
    metadata: { team: "a", tier: "gold" },
  });
  await autumn.track({ customerId: "gus", featureId: "messages", value: 12.5 });

  const renamed = await autumn.customers.update({
    customerId: "gus",
    newCustomerId: "gustav",
    name: "Gustav",
    metadata: { team: null, since: 2024 },
  });

  assert.deepEqual([renamed.id, renamed.name], ["gustav", "Gustav"]);
  assert.deepEqual(renamed.metadata, { tier: "gold", since: 2024 });
  assert.equal(renamed.balances.messages.remaining, 87.5);
  const unknown = (id) => [404, "customer_not_found", `Customer ${id} not found`];
  await refused(autumn.customers.get({ customerId: "gus" }), ...unknown("gus"));
  const { list } = await autumn.customers.list({ search: "PEARS" });
  assert.deepEqual(ids(list), ["gustav"]);
  assert.deepEqual(await autumn.customers.delete({ customerId: "gustav" }), { success: true });
  await refused(autumn.customers.get({ customerId: "gustav" }), ...unknown("gustav"));
  await refused(
    autumn.track({ customerId: "gustav", featureId: "messages" }),
    ...unknown("gustav"),
  );
});

test("customers are listed page by page", async () => {
  const made = ["kit-0", "kit-1", "kit-2"];
  for (const customerId of made) await autumn.customers.getOrCreate({ customerId });

  const first = await autumn.customers.list({ search: "kit-", limit: 2 });
  const { nextCursor: startCursor } = first;
  const second = await autumn.customers.list({ search: "kit-", limit: 2, startCursor });

  assert.deepEqual([ids(first.list), ids(second.list)], [["kit-2", "kit-1"], ["kit-0"]]);
  assert.equal(second.nextCursor, null);
});

test("another environment knows nothing of this one", async () => {
  await autumn.customers.getOrCreate({ customerId: "hal", name: "Sandbox" });

  const message = "Customer hal not found";
  await refused(live.customers.get({ customerId: "hal" }), 404, "customer_not_found", message, "live");
  const hal = await live.customers.getOrCreate({ customerId: "hal", name: "Live" });

  assert.deepEqual([hal.env, hal.subscriptions], ["live", []]);
  assert.equal((await autumn.customers.get({ customerId: "hal" })).name, "Sandbox");
});
