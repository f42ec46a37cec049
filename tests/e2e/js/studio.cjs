// Workspaces, credits, limits and locks, told with the official JavaScript client.

const assert = require("node:assert/strict");
const { before, test } = require("node:test");
const { autumn, call, eventually, refused } = require("./vocabulary.cjs");

const STUDIO = JSON.parse(process.env.STUDIO);
const ids = (list) => list.map((one) => one.id);
const paid = (tracked) => tracked.deductions.map((one) => [one.featureId, one.value]);
const left = async (whose, featureId) =>
  (await autumn.check({ ...whose, featureId })).balance.remaining;

/** Give a new customer the studio plan and workspaces; return how calls name the customer. */
async function subscribe(customerId, ...workspaces) {
  await autumn.customers.getOrCreate({ customerId });
  await autumn.billing.attach({ customerId, planId: "studio" });
  for (const entityId of workspaces)
    await autumn.entities.create({ customerId, entityId, featureId: "workspaces" });
  return { customerId };
}

before(async () => {
  for (const feature of STUDIO.features) await call("features.create", feature);
  for (const plan of STUDIO.plans) await call("plans.create", plan);
});

test("a use is paid from its own balance and then in credits", async () => {
  const ada = await subscribe("ada");
  await autumn.billing.attach({ ...ada, planId: "boost" });

  const tracked = await autumn.track({ ...ada, featureId: "summaries", value: 70 });

  assert.deepEqual(paid(tracked), [
    ["summaries", 50],
    ["credits", 10],
  ]);
  const { summaries, credits } = tracked.balances;
  assert.deepEqual([summaries.remaining, credits.remaining], [0, 90]);
  // A draft costs four credits.
  const asked = { ...ada, featureId: "drafts" };
  const allowed = async (requiredBalance) =>
    (await autumn.check({ ...asked, requiredBalance })).allowed;
  assert.deepEqual([await allowed(22.5), await allowed(22.6)], [true, false]);
  const used = await autumn.check({ ...asked, requiredBalance: 20, sendEvent: true });
  assert.equal(used.balances.credits.remaining, 10);
});

test("a workspace has its own, beside what all of them share", async () => {
  const bob = await subscribe("bob", "sales", "support");
  const [sales, support] = ["sales", "support"].map((entityId) => ({ ...bob, entityId }));

  const named = { entityId: "research", featureId: "workspaces", name: "Research" };
  const made = await autumn.entities.create({ ...bob, ...named });
  await autumn.billing.attach({ ...sales, planId: "boost" });
  const tracked = await autumn.track({ ...sales, featureId: "drafts", value: 12 });

  assert.deepEqual([made.name, made.customerId, made.featureId], ["Research", "bob", "workspaces"]);
  assert.deepEqual([made.balances.drafts.granted, made.balances.credits.remaining], [10, 100]);
  assert.deepEqual(paid(tracked), [
    ["drafts", 10],
    ["credits", 8],
  ]);
  assert.equal(await left(support, "drafts"), 10);
  const [selling, supporting] = [
    await autumn.entities.get(sales),
    await autumn.entities.get(support),
  ];
  assert.deepEqual(
    selling.subscriptions.map((one) => [one.planId, one.scope]).sort(),
    [
      ["boost", "entity"],
      ["studio", "customer"],
    ],
  );
  assert.equal(selling.balances.summaries.remaining, 50);
  assert.deepEqual([ids(supporting.subscriptions).length, "summaries" in supporting.balances], [1, false]);
  assert.deepEqual(ids((await autumn.entities.list({ ...bob, plans: [{ id: "boost" }] })).list), [
    "sales",
  ]);
  const found = await autumn.customers.get({ ...bob, expand: ["entities"] });
  assert.deepEqual(ids(found.entities).sort(), ["research", "sales", "support"]);
  const { drafts, workspaces } = found.balances;
  assert.deepEqual([drafts.granted, drafts.remaining, drafts.usage], [30, 20, 10]);
  assert.deepEqual([workspaces.remaining, workspaces.usage], [0, 3]);
  const { list } = await call("balances.list", { customer_id: "bob", feature_id: "drafts" });
  assert.deepEqual(Object.fromEntries(list.map((one) => [one.entity_id, one.remaining])), {
    sales: 0,
    support: 10,
    research: 10,
  });
});

test("a deleted workspace makes room for the next", async () => {
  const cleo = await subscribe("cleo", "sales", "support");
  const sales = { ...cleo, entityId: "sales" };
  await autumn.track({ ...sales, featureId: "drafts", value: 9 });
  assert.equal(await left(cleo, "workspaces"), 1);

  assert.deepEqual(await autumn.entities.delete(sales), { success: true });

  assert.equal(await left(cleo, "workspaces"), 2);
  assert.deepEqual(ids((await autumn.entities.list(cleo)).list), ["support"]);
  await refused(autumn.entities.get(sales), 404, "entity_not_found", "Entity sales not found");
  const again = await autumn.entities.create({ ...sales, featureId: "workspaces" });
  assert.equal(again.balances.drafts.remaining, 10);
});

test("limits hold back what would be left", async () => {
  const dan = await subscribe("dan", "sales");
  const sales = { ...dan, entityId: "sales" };
  const limit = { featureId: "summaries", limit: 20, interval: "month" };
  const asked = { ...dan, featureId: "summaries" };

  await autumn.customers.update({ ...dan, billingControls: { usageLimits: [limit] } });
  await autumn.track({ ...asked, value: 15 });
  const denied = await autumn.check({ ...asked, requiredBalance: 6, sendEvent: true });
  await autumn.track({ ...asked, value: 30 });

  assert.equal(denied.allowed, false);
  // What goes beyond the limit is dropped: 20 summaries, 10 credits.
  assert.equal(await left(dan, "credits"), 90);
  const [shown] = (await autumn.customers.get(dan)).billingControls.usageLimits;
  assert.deepEqual([shown.limit, shown.usage, shown.source], [20, 20, "customer"]);
  // A workspace with a limit of its own does not count for the customer's.
  const smaller = { usageLimits: [{ ...limit, limit: 4 }] };
  await autumn.entities.update({ ...sales, billingControls: smaller });
  await autumn.track({ ...sales, featureId: "summaries", value: 10 });
  const [own] = (await autumn.entities.get(sales)).billingControls.usageLimits;
  assert.deepEqual([own.limit, own.usage], [4, 4]);
  assert.equal(await left(dan, "credits"), 88);
});

test("overage goes as far as the spend limit", async () => {
  const eve = { customerId: "eve", featureId: "summaries" };
  const billingControls = {
    overageAllowed: [{ featureId: "summaries", enabled: true }],
    spendLimits: [{ featureId: "summaries", enabled: true, overageLimit: 5 }],
  };
  await autumn.customers.getOrCreate({ customerId: "eve", billingControls });
  await autumn.balances.create({ ...eve, includedGrant: 10 });

  const { balance } = await autumn.track({ ...eve, value: 40 });

  assert.deepEqual([balance.usage, balance.remaining], [15, 0]);
  assert.equal((await autumn.check({ ...eve, requiredBalance: 0.1 })).allowed, false);
});

test("a lock holds units until it is finalized", async () => {
  const fay = await subscribe("fay", "sales");
  const asked = { ...fay, entityId: "sales", featureId: "drafts" };
  const lock = (lockId, requiredBalance) =>
    autumn.check({ ...asked, requiredBalance, lock: { lockId, enabled: true } });

  const held = await lock("fay-1", 20);
  const tooMuch = await lock("fay-2", 15.1);
  const rest = await lock("fay-3", 15);

  // Ten drafts of the workspace, and forty credits for the others.
  assert.deepEqual([held.allowed, tooMuch.allowed, rest.allowed], [true, false, true]);
  assert.deepEqual([held.balances.drafts.remaining, held.balances.credits.remaining], [0, 60]);
  assert.equal(await left(fay, "credits"), 0);
  const released = await autumn.balances.finalize({ lockId: "fay-3", action: "release" });
  assert.deepEqual(released, { success: true });
  assert.equal(await left(fay, "credits"), 60);
  const confirm = { lockId: "fay-1", action: "confirm", overrideValue: 4 };
  await autumn.balances.finalize(confirm);
  const { balances } = await autumn.entities.get({ ...fay, entityId: "sales" });
  assert.deepEqual([balances.drafts.remaining, balances.credits.remaining], [6, 100]);
  const message = "Lock not found for ID: fay-1";
  await refused(autumn.balances.finalize(confirm), 400, "invalid_request", message);
});

test("tokens are priced, and what may wait arrives soon", async () => {
  const gus = await subscribe("gus", "sales");
  const sales = { ...gus, entityId: "sales" };
  // Five and fifteen dollars for a million tokens.
  const model = { ...gus, modelId: "custom/writer" };

  const tracked = await autumn.trackTokens({ ...model, inputTokens: 10_000, outputTokens: 5000 });
  const queued = await autumn.track({ ...sales, featureId: "drafts", value: 2, async: true });
  const batch = await autumn.batchTrack([
    { ...sales, featureId: "drafts", value: 9 },
    { ...gus, featureId: "summaries", value: 3 },
  ]);
  const tokens = { inputTokens: 200_000, outputTokens: 0, async: true };
  const priced = await autumn.trackTokens({ ...model, ...tokens });

  assert.deepEqual([tracked.value, tracked.balance.remaining], [0.125, 9.875]);
  assert.deepEqual([queued.value, queued.balance, batch.success], [2, null, true]);
  assert.deepEqual([priced.value, priced.balance], [1, null]);
  // One draft beyond the ten of the workspace, and three summaries.
  await eventually(
    () => left(gus, "credits"),
    (seen) => seen === 94.5,
  );
  await eventually(
    () => left(gus, "ai_credits"),
    (seen) => seen === 8.875,
  );
  assert.equal((await autumn.entities.get(sales)).balances.drafts.usage, 10);
});

test("a balance is taken away with or without its usage", async () => {
  const hal = { customerId: "hal", featureId: "summaries" };
  await autumn.customers.getOrCreate({ customerId: "hal" });
  for (const [balanceId, includedGrant] of [
    ["welcome", 10],
    ["promo", 20],
    ["sorry", 40],
  ])
    await autumn.balances.create({ ...hal, balanceId, includedGrant });
  await autumn.track({ ...hal, value: 15 });

  const deleted = await autumn.balances.delete({ ...hal, balanceId: "welcome" });
  const without = await left(hal, "summaries");
  // Five of the promotion are used, which the last one has to bear.
  await autumn.balances.delete({ ...hal, balanceId: "promo", recalculateBalances: true });
  const { balance } = await autumn.check(hal);

  assert.deepEqual([deleted.success, without], [true, 55]);
  assert.deepEqual([balance.granted, balance.usage, balance.remaining], [40, 5, 35]);
  await autumn.balances.delete(hal);
  assert.equal((await autumn.check(hal)).balance, null);
});
